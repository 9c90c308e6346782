"""Targets as the probes know them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace

from config.model import Target
from config.secrets import read_secret
from probes.ask import Endpoint, Tls
from probes.guard import Guard


def endpoints(targets: Mapping[str, Target], guards: Mapping[str, Guard | None] | None = None) -> dict[str, Endpoint]:
    """Every target by name, with its secrets read, and under its guard where it has one. Raises `config.secrets.SecretError`."""
    return {name: _endpoint(name, target, (guards or {}).get(name)) for name, target in targets.items()}


def _endpoint(name: str, target: Target, guard: Guard | None) -> Endpoint:
    return Endpoint(
        name=name,
        backend=target.backend,
        url=target.url,
        model=target.model,
        api=target.api,
        api_key=read_secret(target.api_key) if target.api_key else None,
        headers={header: value.get_secret_value() for header, value in target.headers.items()},
        tls=replace(target.tls, edition=_edition(target.tls)),
        load_model=target.load_model,
        guard=guard,
        adaptation=target.adaptation,
    )


def _edition(tls: Tls) -> str:
    """Changes with the files' content: connections that were opened under the certificates of before are not used any more."""
    digest = hashlib.sha256()
    for path in (tls.ca_file, tls.cert_file, tls.key_file):
        if path is not None:
            try:
                found = os.stat(path)  # noqa: PTH116 - follows links, which is what tells a rotated secret
                digest.update(f"{found.st_ino} {found.st_mtime_ns} {found.st_size}\0".encode())
            except OSError:
                digest.update(b"\0")  # the chat itself will say that it cannot be read
    return digest.hexdigest()[:16] if any((tls.ca_file, tls.cert_file, tls.key_file)) else ""
