"""Content codings: an answer that a server, or something on the way, compresses though `identity` was asked for,
inflated as it arrives.
"""

from __future__ import annotations

import sys
import zlib
from abc import ABC, abstractmethod

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP = b"\x1f\x8b"
_GZIP_BITS = zlib.MAX_WBITS | 16
_HEADER_BYTES = 2
MOST_CODINGS = 4
"""How many codings may lie over each other."""


class EncodingError(Exception):
    """The bytes are not what their coding says, or more comes out of them than was allowed."""


class Coding(ABC):
    """One coding. What a read of the socket brings is inflated as far as it goes: a server that flushes each event has
    each come out of the read that brought it.
    """

    @abstractmethod
    def inflate(self, data: bytes, most: int) -> bytes:
        """What comes out of `data`, not much more than `most` bytes of it; where more would, what is left is lost.
        Raises whatever its library does.
        """


class _Zlib(Coding):
    """gzip, also in several members behind each other, and deflate, of which servers send two kinds: with a header (RFC
    9110) and without.
    """

    def __init__(self, *window_bits: int) -> None:
        self._candidates = list(window_bits)
        self._seen = b""
        self._inflater = zlib.decompressobj(self._candidates.pop(0))

    def inflate(self, data: bytes, most: int) -> bytes:
        found = self._first(data, most)
        while self._inflater.eof and self._inflater.unused_data.startswith(_GZIP) and len(found) < most:
            data = self._inflater.unused_data
            self._inflater = zlib.decompressobj(_GZIP_BITS)
            found += self._inflater.decompress(data, most - len(found))
        return found

    def _first(self, data: bytes, most: int) -> bytes:
        """What comes out, by the first kind whose header fits: the two bytes of one may come apart."""
        if len(self._seen) < _HEADER_BYTES:
            self._seen += data
        try:
            return self._inflater.decompress(data, most)
        except zlib.error:
            if not self._candidates or len(self._seen) - len(data) >= _HEADER_BYTES:
                raise
            self._inflater = zlib.decompressobj(self._candidates.pop(0))
            return self._inflater.decompress(self._seen, most)


class _Brotli(Coding):
    def __init__(self) -> None:
        self._inflater = brotli.Decompressor()

    def inflate(self, data: bytes, most: int) -> bytes:
        return bytes(self._inflater.process(data, output_buffer_limit=most))


class _Zstd(Coding):
    """Zstandard, also in several frames behind each other."""

    def __init__(self) -> None:
        self._inflater = _zstd_frame()

    def inflate(self, data: bytes, most: int) -> bytes:
        found = b""
        while data and len(found) < most:
            if self._inflater.eof:
                self._inflater = _zstd_frame()
            found += self._inflater.decompress(data, most - len(found))
            data = self._inflater.unused_data if self._inflater.eof else b""
        return found


def _zstd_frame() -> zstd.ZstdDecompressor:
    """Of a frame whose window is no larger than HTTP allows (RFC 9659): how much memory it takes is the server's to say."""
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})


def _coding(name: str) -> Coding | None:
    match name:
        case "gzip" | "x-gzip":
            return _Zlib(_GZIP_BITS)
        case "deflate":
            return _Zlib(zlib.MAX_WBITS, -zlib.MAX_WBITS)
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
    return None


class Inflater:
    """Takes the codings off a body. `coding` is what the server says of them, without those that are not known here:
    such a body is read as it is.
    """

    def __init__(self, content_encoding: str) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        found = [(name, coding) for name in names if (coding := _coding(name)) is not None]
        self.coding = ", ".join(name for name, _ in found) or None
        self._codings = [coding for _, coding in reversed(found)]
        if len(found) > MOST_CODINGS:
            raise EncodingError(f"more than {MOST_CODINGS} content codings over each other")

    def inflate(self, data: bytes, most: int) -> bytes:
        """What comes out of `data`. Raises `EncodingError`, also where it is more than `most` bytes."""
        if not self._codings:
            return data
        try:
            for coding in self._codings:
                data = coding.inflate(data, most + 1)
        except (zlib.error, brotli.error, zstd.ZstdError, EOFError) as error:
            raise EncodingError(f"not {self.coding}, as its content encoding says: {error}") from error
        if len(data) > most:
            raise EncodingError(f"{self.coding} that inflates to more than {most} bytes at once")
        return data
