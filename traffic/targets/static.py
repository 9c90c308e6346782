"""Targets that stand in the configuration."""

from __future__ import annotations

from config.model import Config, Target
from config.secrets import read_secret
from probes.ask import Endpoint


def endpoints(config: Config) -> dict[str, Endpoint]:
    """Every configured target by name, with its secrets read. Raises `config.secrets.SecretError`."""
    return {name: _endpoint(name, target) for name, target in config.targets.items()}


def _endpoint(name: str, target: Target) -> Endpoint:
    return Endpoint(
        name=name,
        backend=target.backend,
        url=target.url,
        model=target.model,
        api=target.api,
        api_key=read_secret(target.api_key) if target.api_key else None,
        headers={header: value.get_secret_value() for header, value in target.headers.items()},
        tls=target.tls,
        load_model=target.load_model,
    )
