"""The closed list of reasons for a failed scrape of an engine's own metrics."""

from __future__ import annotations

from enum import StrEnum


class NativeReason(StrEnum):
    """The label `reason` of `chatprobe_native_up`."""

    UNREACHABLE = "unreachable"
    """No connection, or it broke: name resolution, connecting, TLS, a proxy, a reset, a close before the answer began.
    """
    TIMEOUT = "timeout"
    """The whole answer did not come in time."""
    STATUS = "status"
    """A status other than 200; redirects are not followed."""
    TOO_LARGE = "too_large"
    """More bytes than are read, before or after decompression, or more lines of metrics."""
    UNREADABLE = "unreadable"
    """The answer is cut short, or is not what it should be."""
    EMPTY = "empty"
    """An answer without metrics of the engine, as of vLLM with `--disable-log-stats`."""
    LOAD_BALANCED = "load_balanced"
    """One URL answered for more than one process."""


class ScrapeError(Exception):
    """A scrape brought nothing that can be used. The text says why, without secrets."""

    def __init__(self, reason: NativeReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
