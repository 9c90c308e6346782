"""Bearer tokens (RFC 6750) of the configuration."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from config.secrets import SecretError, read_secret
from config.targets import SecretRef
from config.tokens import kept_digest, shown_digest
from config.web import Token
from exporter.web.security.roles import Role


@dataclass(frozen=True, slots=True)
class Tokens:
    """Hashes, and the role of whoever shows what they are of."""

    kept: tuple[tuple[bytes, Role], ...]

    def __bool__(self) -> bool:
        return bool(self.kept)

    def role(self, shown: str) -> Role | None:
        """The role that a token gives; None where there is no such token. It takes as long whichever it is, and if there is none."""
        digest = shown_digest(shown)
        found = None
        for kept, role in self.kept:
            if hmac.compare_digest(kept, digest):
                found = role
        return found


def read_tokens(named: Mapping[str, Token]) -> Tokens:
    """The tokens of a configuration. Raises `SecretError`, without any of them."""
    return Tokens(tuple((_digest(token), Role(token.role)) for token in named.values()))


def _digest(token: Token) -> bytes:
    try:
        return kept_digest(read_secret(SecretRef(file=token.file, env=token.env)))
    except ValueError as error:
        raise SecretError(token.file or f"environment variable {token.env}", str(error)) from None
