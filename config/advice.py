"""Settings that are possible but seldom meant: warnings, not errors."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from config.model import Config, Scenario, Target
from config.quantities import write_duration
from config.rules import Finding

OLLAMA_KEEP_ALIVE_SECONDS = 300
"""How long Ollama keeps a model in memory after its last use, unless it is told otherwise (`OLLAMA_KEEP_ALIVE`)."""


def advise(config: Config) -> Iterator[Finding]:
    """Warnings on a valid configuration."""
    for name, target in config.targets.items():
        yield from ((("targets", name, *place), text) for place, text in _on_target(target))
    for name, scenario in config.scenarios.items():
        yield from ((("scenarios", name, *place), text) for place, text in _on_scenario(config, scenario))


def _on_target(target: Target) -> Iterator[Finding]:
    bears_key = target.api_key is not None or any(name.lower() == "authorization" for name in target.headers)
    if bears_key and target.url.startswith("http://") and not _is_loopback(urlsplit(target.url).hostname or ""):
        yield ("url",), "carries the key in clear text over the network; write https://"
    if target.tls.insecure:
        yield ("tls", "insecure"), "accepts any certificate, an attacker's too; write ca_file: PATH"


def _on_scenario(config: Config, scenario: Scenario) -> Iterator[Finding]:
    at_worst = scenario.timeout_seconds / scenario.every_seconds
    if at_worst > config.limits.streams_per_target:
        yield (
            ("every",),
            f"a target that hangs would hold {at_worst:.0f} chats at once, more than limits.streams_per_target ({config.limits.streams_per_target}); "
            "write a longer every, or a shorter timeout",
        )
    pinned = [name for name, target in config.targets_of(scenario).items() if target.backend == "ollama"]
    if pinned and scenario.every_seconds < OLLAMA_KEEP_ALIVE_SECONDS:
        yield (
            ("every",),
            f"more often than Ollama's keep-alive of {write_duration(OLLAMA_KEEP_ALIVE_SECONDS)} pins the model in memory ({', '.join(pinned)}); "
            "write 6m or more if it should be let go",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
