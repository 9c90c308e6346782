"""Which keys may stand where: the sections of the configuration by their place."""

from __future__ import annotations

from config.base import Section
from config.model import Config, Limits, Scenario, SecretRef, Slo, Target, TlsSettings, Web
from config.problems import KeyPath

SECTIONS: dict[tuple[str, ...], type[Section]] = {
    (): Config,
    ("web",): Web,
    ("targets", "*"): Target,
    ("targets", "*", "api_key"): SecretRef,
    ("targets", "*", "tls"): TlsSettings,
    ("scenarios", "*"): Scenario,
    ("slos", "*"): Slo,
    ("limits",): Limits,
}
"""By path; `*` stands for any name."""

EXAMPLES = {
    ("targets",): "targets: {vllm: {backend: vllm, url: http://127.0.0.1:8000}}",
    ("scenarios",): "scenarios: {heartbeat: {every: 15s}}",
    ("targets", "*", "backend"): "backend: vllm (or tgi, ollama, openai)",
    ("targets", "*", "url"): "url: http://127.0.0.1:8000",
    ("scenarios", "*", "every"): "every: 15s",
    ("slos", "*", "scenario"): "scenario: NAME",
    ("slos", "*", "objective"): "objective: 99%",
}
"""How each key that must not be left out is written."""


def pattern_of(path: KeyPath) -> tuple[str, ...]:
    """The path with `*` for names, as `SECTIONS` and `EXAMPLES` know it."""
    named = bool(path) and path[0] in ("targets", "scenarios", "slos")
    return tuple("*" if named and depth == 1 else str(part) for depth, part in enumerate(path))


def keys(section: type[Section]) -> tuple[str, ...]:
    """The keys of a section, as they are written."""
    return tuple(field.alias or name for name, field in section.model_fields.items())
