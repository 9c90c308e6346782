"""Notifications under test: configurations, and Alertmanager's own programs, which must be there where the tests of a change run."""

from __future__ import annotations

import subprocess

from alerts.notifications import Timing, Timings
from alerts.windows import HOUR, Severity
from config.model import Config
from config.reader import parse
from tests.processes import of_prometheus
from tests.waiting import PATIENCE_SECONDS

SLACK = 'slack: {channel: "#llm-alerts"}'
TEAMS = "teams: {}"
PAGERDUTY = "pagerduty: {}"
EMAIL = 'email: {to: llm-team@example.com, from: alertmanager@example.com, smarthost: "smtp.example.com:587", auth_username: alertmanager}'
EMAIL_WITHOUT_LOGIN = 'email: {to: llm-team@example.com, from: alertmanager@example.com, smarthost: "smtp.example.com:587"}'
WEBHOOK = "webhook: {}"
WEBHOOK_AT_URL = "webhook: {url: http://hooks.example.com/alerts}"
JIRA = "jira: {api_url: https://jira.example.com/rest/api/2, project: LLM}"
JIRA_CLOUD = "jira: {api_url: https://example.atlassian.net/rest/api/2, project: LLM, username: bot@example.com}"
AT_ONCE: Timings = dict.fromkeys(Severity, Timing(1, 1, HOUR))


def configured(*receivers: str, alertmanager: str = "0.25", more: str = "") -> Config:
    """A configuration with these receivers, all of which are told of everything unless `more` says otherwise."""
    names = ", ".join(receiver.partition(":")[0] for receiver in receivers)
    told = more or f"page: [{names}], ticket: [{names}], info: [{names}]"
    return parse(
        "targets: {vllm: {backend: vllm, url: http://127.0.0.1:8000}}\n"
        "scenarios: {heartbeat: {every: 15s}}\n"
        f"alerts: {{notify: {{alertmanager: '{alertmanager}', receivers: {{{', '.join(receivers)}}}, {told}}}}}\n"
    ).config


def program(name: str) -> str:
    """The path of one of the programs of Debian's package prometheus-alertmanager."""
    return of_prometheus(name, "prometheus-alertmanager")


def amtool(*arguments: str) -> str:
    """What it printed, which must be no failure."""
    done = subprocess.run([program("amtool"), *arguments], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
