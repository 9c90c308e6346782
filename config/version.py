"""Versions of other programs, as an operator writes them: what they do not know yet is left out, or refused."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

Version = tuple[int, int]


def read_version(written: object) -> object:
    """`2.42` or `2.42.1`: its first two numbers."""
    if isinstance(written, tuple):
        return written
    found = re.fullmatch(r"v?(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?", written, re.ASCII) if isinstance(written, str) else None
    if found is None:
        raise ValueError('is no version; write one in quotes, like "2.42"')
    return int(found[1]), int(found[2])


def write_version(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


VersionOf = Annotated[Version, BeforeValidator(read_version), PlainSerializer(write_version)]
