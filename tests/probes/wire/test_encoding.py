"""Content codings, however their bytes are cut, broken ones, and ones that are made to fill memory."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.encoding import EncodingError, Inflater

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b'data: {"choices":[{"delta":{"content":"word %d"}}]}\n\n' % number for number in range(50))
MOST = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    return zlib.compress(data, wbits=-zlib.MAX_WBITS)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "X-GZip": lambda data: b"".join(gzip.compress(data[place : place + 700]) for place in range(0, len(data), 700)),
    "deflate": zlib.compress,
    " deflate ": raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
    "ZSTD": lambda data: zstd.compress(data[:900]) + zstd.compress(data[900:]),
    "deflate, br": lambda data: brotli.compress(zlib.compress(data)),
    "identity, gzip, unheard-of": gzip.compress,
}


@pytest.mark.parametrize("name", CODINGS)
def test_the_same_text_comes_out_however_it_is_cut(name: str) -> None:
    packed = CODINGS[name](TEXT)
    for step in (1, 2, 7, 100, len(packed)):
        inflater = Inflater(name)
        pieces = [inflater.inflate(packed[place : place + step], MOST) for place in range(0, len(packed), step)]
        assert b"".join(pieces) == TEXT


@pytest.mark.parametrize(
    ("name", "packer"),
    [
        ("gzip", zlib.compressobj(wbits=zlib.MAX_WBITS | 16)),
        ("deflate", zlib.compressobj()),
        ("deflate", zlib.compressobj(wbits=-zlib.MAX_WBITS)),
    ],
    ids=["gzip", "deflate", "deflate without a header"],
)
def test_what_is_flushed_comes_out_at_once(name: str, packer: zlib._Compress) -> None:
    inflater = Inflater(name)
    for number in range(3):
        event = b"data: %d\n\n" % number
        assert inflater.inflate(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH), MOST) == event


@pytest.mark.parametrize(
    ("name", "coding"), [("", None), ("identity", None), ("unheard-of", None), ("GZIP", "gzip"), ("deflate,identity, BR", "deflate, br")]
)
def test_what_is_known_of_a_content_encoding(name: str, coding: str | None) -> None:
    assert Inflater(name).coding == coding


def test_what_is_not_compressed_stays_as_it_is() -> None:
    assert Inflater("identity").inflate(TEXT, 1) == TEXT


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_what_is_not_what_it_says_is_an_error(name: str) -> None:
    with pytest.raises(EncodingError, match=f"not {name}, as its content encoding says"):
        Inflater(name).inflate(TEXT + b"\xff" * 100, MOST)


@pytest.mark.parametrize("name", CODINGS)
def test_what_is_made_to_fill_memory_is_an_error(name: str) -> None:
    packed = CODINGS[name](b"a" * 50_000_000)
    with pytest.raises(EncodingError, match="more than 1000000 bytes at once"):
        Inflater(name).inflate(packed, MOST)


def test_what_follows_the_end_of_a_compressed_body_is_nothing_of_it() -> None:
    inflater = Inflater("gzip")
    assert inflater.inflate(gzip.compress(TEXT) + b"\0\0", MOST) == TEXT
    assert inflater.inflate(b"\0\0", MOST) == b""


def test_codings_without_end_are_refused() -> None:
    with pytest.raises(EncodingError, match="more than 4"):
        Inflater("gzip, gzip, gzip, gzip, gzip")


@given(st.sampled_from(["gzip", "deflate", "br", "zstd", "br, gzip"]), st.lists(st.binary(max_size=200), max_size=5))
def test_whatever_comes_is_inflated_or_is_an_error(name: str, pieces: list[bytes]) -> None:
    inflater = Inflater(name)
    try:
        for piece in pieces:
            assert len(inflater.inflate(piece, 1000)) <= 1000
    except EncodingError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right, no other exception is
