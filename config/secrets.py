"""Reads API keys from where the configuration says they are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from config.targets import SecretRef


class SecretError(Exception):
    """A secret that cannot be had.

    The text says where it was looked for, and `fault`: what is wrong, and nothing of what was found there.
    """

    def __init__(self, where: str, fault: str) -> None:
        super().__init__(f"{where}: {fault}")
        self.fault = fault


class Secrets:
    """Secrets as they were when they were first asked for: each is read once. Threads may share it.

    A secret that has changed is read by another `Secrets`, which a reload makes.
    """

    def __init__(self) -> None:
        self._known: dict[SecretRef, str] = {}

    def read(self, secret: SecretRef) -> str:
        """The secret itself. Raises `SecretError` where it cannot be had; the next call tries again."""
        known = self._known.get(secret)
        if known is None:
            known = self._known[secret] = read_secret(secret)
        return known


def read_secret(secret: SecretRef, environ: Mapping[str, str] = os.environ) -> str:
    """The secret itself, without the mark and the line break that editors put at a file's beginning and its end. Raises `SecretError`."""
    if secret.env is not None:
        return _usable(environ.get(secret.env, ""), f"environment variable {secret.env}")
    assert secret.file is not None
    try:
        text = Path(secret.file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SecretError(secret.file, f"{error.strerror or 'cannot be read'}; name a file that can be read") from None
    except UnicodeDecodeError:
        raise SecretError(secret.file, "is not text; write the key alone, on one line") from None
    return _usable(text.removesuffix("\n").removesuffix("\r"), secret.file)


def _usable(text: str, where: str) -> str:
    if not text.strip():
        raise SecretError(where, "is empty; write the key into it")
    if text != text.strip(" \t"):
        raise SecretError(where, "begins or ends with a blank, which no header can carry; take it out")
    if text.lower().startswith("bearer "):
        raise SecretError(where, "begins with Bearer, which chatprobe writes itself; write the key alone")
    if not text.isascii() or not text.isprintable():
        raise SecretError(where, "holds line breaks or other characters that no header can carry; write the key alone, on one line")
    return text
