"""Bearer tokens as they are kept: as they are, or as `sha256:` and the hash in hexadecimal. Only hashes are held in memory."""

from __future__ import annotations

import hashlib
import re

_HASHED = "sha256:"
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_LEAST_CHARACTERS = 16
"""Fewer can be guessed: unlike a password's, a token's hash is fast, as each request takes one."""


def kept_digest(kept: str) -> bytes:
    """The SHA-256 of the token that a secret holds. Raises ValueError, without the secret, where it is none."""
    if kept.startswith(_HASHED):
        written = kept.removeprefix(_HASHED)
        if not _HEX.fullmatch(written):
            raise ValueError("holds no SHA-256 after sha256:; write its 64 hexadecimal digits, as sha256sum prints them")
        return bytes.fromhex(written)
    if len(kept) < _LEAST_CHARACTERS:
        raise ValueError("is too short for a token, and could be guessed; make one with openssl rand -hex 32")
    return shown_digest(kept)


def shown_digest(token: str) -> bytes:
    """The SHA-256 of a token that was shown."""
    return hashlib.sha256(token.encode()).digest()
