"""Which keys may stand where: the sections of the configuration by their place."""

from __future__ import annotations

from config.alerting import Alerts
from config.base import Section
from config.bench import Bench, BenchFacts, BenchGpus, BenchLevel
from config.bench_courses import BenchReplay, BenchSearch, BenchSweep, RateSteps, UserSteps
from config.bench_slos import OwnSlo
from config.credentials import Credential
from config.engine_metrics import Native, TargetMetrics
from config.expectation import Expectation
from config.history import HistorySettings
from config.kubernetes import Kubernetes
from config.model import Config, Discovery, Limits, Metrics, Scenario, Slo, Target
from config.notify import Email, Jira, Notify, Pagerduty, Receivers, Slack, Teams, Webhook
from config.problems import KeyPath
from config.shapes import Stage
from config.targets import SecretRef, TlsSettings
from config.web import Token, Web, WebLimits
from probes import backends

SECTIONS: dict[tuple[str, ...], type[Section]] = {
    (): Config,
    ("web",): Web,
    ("web", "tokens", "*"): Token,
    ("web", "limits"): WebLimits,
    ("targets", "*"): Target,
    ("discovery",): Discovery,
    ("discovery", "kubernetes"): Kubernetes,
    ("credentials", "*"): Credential,
    ("credentials", "*", "api_key"): SecretRef,
    ("credentials", "*", "tls"): TlsSettings,
    ("targets", "*", "api_key"): SecretRef,
    ("targets", "*", "tls"): TlsSettings,
    ("targets", "*", "metrics"): TargetMetrics,
    ("scenarios", "*"): Scenario,
    ("scenarios", "*", "stages", "*"): Stage,
    ("scenarios", "*", "expect", "*"): Expectation,
    ("slos", "*"): Slo,
    ("limits",): Limits,
    ("native",): Native,
    ("metrics",): Metrics,
    ("history",): HistorySettings,
    ("bench",): Bench,
    ("bench", "levels", "*"): BenchLevel,
    ("bench", "sweep"): BenchSweep,
    ("bench", "sweep", "rate"): RateSteps,
    ("bench", "sweep", "users"): UserSteps,
    ("bench", "gpus", "*"): BenchGpus,
    ("bench", "facts", "*"): BenchFacts,
    ("bench", "slo"): OwnSlo,
    ("bench", "search"): BenchSearch,
    ("bench", "search", "slo"): OwnSlo,
    ("bench", "replay"): BenchReplay,
    ("bench", "levels", "*", "stages", "*"): Stage,
    ("alerts",): Alerts,
    ("alerts", "notify"): Notify,
    ("alerts", "notify", "receivers"): Receivers,
    ("alerts", "notify", "receivers", "slack"): Slack,
    ("alerts", "notify", "receivers", "teams"): Teams,
    ("alerts", "notify", "receivers", "pagerduty"): Pagerduty,
    ("alerts", "notify", "receivers", "email"): Email,
    ("alerts", "notify", "receivers", "webhook"): Webhook,
    ("alerts", "notify", "receivers", "jira"): Jira,
}
"""By path; `*` stands for any name, or any place in a list."""

_FIRST, *_OTHERS = backends.names()
EXAMPLE_OF_BACKEND = f"backend: {_FIRST} (or {', '.join(_OTHERS)})"
EXAMPLES = {
    ("targets",): "targets: {vllm: {backend: vllm, url: http://127.0.0.1:8000}}",
    ("scenarios",): "scenarios: {heartbeat: {every: 15s}}",
    ("discovery", "kubernetes", "namespaces"): "namespaces: [NAMESPACE]",
    ("credentials", "*", "host"): 'host: "*.example.com"',
    ("targets", "*", "backend"): EXAMPLE_OF_BACKEND,
    ("targets", "*", "url"): "url: http://127.0.0.1:8000",
    ("slos", "*", "scenario"): "scenario: NAME",
    ("slos", "*", "objective"): "objective: 99%",
    ("bench", "sweep", "rate", "from"): "from: 1/s",
    ("bench", "sweep", "rate", "to"): "to: 32/s",
    ("bench", "sweep", "users", "from"): "from: 1",
    ("bench", "sweep", "users", "to"): "to: 64",
    ("bench", "search", "slo"): "slo: conversational",
    ("bench", "search", "most"): "most: 200, or most: 50/s",
    ("bench", "replay", "file"): "file: PATH",
    ("bench", "gpus", "*", "url"): "url: http://127.0.0.1:9400/metrics",
    ("alerts", "notify", "receivers"): 'receivers: {slack: {channel: "#llm-alerts"}}',
    ("alerts", "notify", "receivers", "slack", "channel"): 'channel: "#llm-alerts"',
    ("alerts", "notify", "receivers", "email", "to"): "to: oncall@example.com",
    ("alerts", "notify", "receivers", "email", "from"): "from: alertmanager@example.com",
    ("alerts", "notify", "receivers", "email", "smarthost"): "smarthost: smtp.example.com:587",
    ("alerts", "notify", "receivers", "jira", "api_url"): "api_url: https://example.atlassian.net/rest/api/2",
    ("alerts", "notify", "receivers", "jira", "project"): "project: KEY",
}
"""How each key that must not be left out is written."""

_NAMED = {"targets", "scenarios", "slos", "expect"}
"""Sections whose keys are names."""
_NAMED_BELOW = {("web", "tokens"), ("bench", "facts")}
"""Others, further down."""


def pattern_of(path: KeyPath) -> tuple[str, ...]:
    """The path with `*` for names and places in lists, as `SECTIONS` and `EXAMPLES` know it."""
    return tuple(
        "*" if isinstance(part, int) or (depth in (1, 3) and path[depth - 1] in _NAMED) or (depth == 2 and path[:2] in _NAMED_BELOW) else part
        for depth, part in enumerate(path)
    )


def keys(section: type[Section]) -> tuple[str, ...]:
    """The keys of a section, as they are written."""
    return tuple(field.alias or name for name, field in section.model_fields.items())
