"""Users with passwords, by basic auth (RFC 7617), as the web configuration file has them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Executor

import bcrypt

_MOST_KNOWN = 256
_MOST_BYTES = 72
"""Of a password bcrypt looks at no more, and Go's neither."""
_MOST_WAITING = 8
_NOBODYS = "QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
"""Salt and hash that stand in for those of a user that there is not, so that a wrong name takes as long as a wrong password."""


class BusyError(Exception):
    """So many passwords are being checked that one more would have to wait for too long."""


class Users:
    """Names and bcrypt hashes. Passwords are checked one at a time, beside the event loop; one that was right is known from then on."""

    def __init__(self, hashes: Mapping[str, str], executor: Executor) -> None:
        self._hashes = dict(hashes)
        self._executor = executor
        cost = next(iter(self._hashes.values()), "$2b$10$")[4:6]
        self._nobodys = f"$2b${cost}${_NOBODYS}"
        self._key = os.urandom(32)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._waiting = 0

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def knows(self, name: str, password: bytes) -> bool:
        """Whether this password of this user was found right before: nothing has to be computed then."""
        return self._shown(name, password) in self._known

    async def right(self, name: str, password: bytes) -> bool:
        """Whether there is a user of this name with this password. Raises `BusyError`."""
        shown = self._shown(name, password)
        if shown in self._known:
            self._known.move_to_end(shown)
            return True
        if self._waiting >= _MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            kept = self._hashes.get(name, self._nobodys)
            right = await asyncio.get_running_loop().run_in_executor(self._executor, _matches, password, kept)
        finally:
            self._waiting -= 1
        if not right or name not in self._hashes:
            return False
        self._known[shown] = None
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return True

    def _shown(self, name: str, password: bytes) -> bytes:
        """What is remembered of a login: nothing from which a password could be had."""
        return hmac.digest(self._key, name.encode() + b":" + password, hashlib.sha256)


def _matches(password: bytes, kept: str) -> bool:
    try:
        return bcrypt.checkpw(password[:_MOST_BYTES], kept.encode())
    except ValueError:
        return False


def basic(credentials: str) -> tuple[str, bytes] | None:
    """The user and the password after `Basic`; None where it is neither."""
    try:
        name, colon, password = base64.b64decode(credentials, validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, ValueError):
        return None
