"""Reads API keys from where the configuration says they are kept."""

from __future__ import annotations

import os
from pathlib import Path

from config.targets import SecretRef


class SecretError(Exception):
    """A secret that cannot be had. The text says where it was looked for, and nothing of what was found there."""


def read_secret(secret: SecretRef) -> str:
    """The secret itself, without the line break that editors put at a file's end. Raises `SecretError`."""
    if secret.env is not None:
        return _usable(os.environ.get(secret.env, ""), f"environment variable {secret.env}")
    assert secret.file is not None
    try:
        text = Path(secret.file).read_text(encoding="utf-8")
    except OSError as error:
        raise SecretError(f"{secret.file}: {error.strerror or 'cannot be read'}") from None
    except UnicodeDecodeError:
        raise SecretError(f"{secret.file}: is not text") from None
    return _usable(text.removesuffix("\n").removesuffix("\r"), secret.file)


def _usable(text: str, where: str) -> str:
    if not text.strip():
        raise SecretError(f"{where}: is empty")
    if text != text.strip(" \t"):
        raise SecretError(f"{where}: begins or ends with a blank; take it out, a header cannot carry it")
    if not text.isascii() or not text.isprintable():
        raise SecretError(f"{where}: holds line breaks or other characters that no header can carry")
    return text
