"""What is said where results cannot be used as they are."""

from __future__ import annotations

import errno

_NOT_OURS = "change its owner or its mode, or run this as its owner"
_NO_ROOM = "make room on the disk"
_REMEDIES = {errno.EACCES: _NOT_OURS, errno.EPERM: _NOT_OURS, errno.ENOSPC: _NO_ROOM, errno.EDQUOT: _NO_ROOM}
"""Where the error alone does not say what to do."""


class ResultsError(Exception):
    """Results on disk, or a place for them, that cannot be used. Names the file, what is wrong, and what would be right."""


def cannot(verb: str, path: object, error: OSError) -> ResultsError:
    """Of a file with which something could not be done: `cannot("read", path, error)`."""
    remedy = _REMEDIES.get(error.errno or 0)
    return ResultsError(f"{path} cannot be {verb}: {error.strerror or error}{f'; {remedy}' if remedy else ''}")


def no_line(place: str, error: Exception) -> ResultsError:
    """Of a line that is none of a run; `error` is what reading it raised."""
    return ResultsError(f"{place}: is no line of a run ({wrong(error)}); bring the file back from a copy, or delete the line")


def wrong(error: Exception) -> str:
    """What is wrong with a line whose reading raised this."""
    return f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
