"""What is said where results cannot be used as they are."""

from __future__ import annotations


class ResultsError(Exception):
    """Results on disk, or a place for them, that cannot be used. Names the file, what is wrong, and what would be right."""


def cannot(verb: str, path: object, error: OSError) -> ResultsError:
    """Of a file with which something could not be done: `cannot("read", path, error)`."""
    return ResultsError(f"{path} cannot be {verb}: {error.strerror or error}")
