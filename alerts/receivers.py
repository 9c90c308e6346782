"""The receivers of notifications, before they are written in any form: settings by the names that Alertmanager's own file has for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from alerts import messages
from config.notify import KINDS, Email, Jira, Notify, ReceiverName, Receivers, Slack, Webhook


@dataclass(frozen=True, slots=True)
class Secret:
    """What Alertmanager reads from a file: the place of the file's path among the settings, and the file's name.

    `reference` is the setting of an `AlertmanagerConfig` that takes the secret from a Secret of Kubernetes; None where there is none.
    """

    setting: tuple[str, ...]
    file: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Integration:
    """One way to tell somebody, which Alertmanager calls `KIND_configs`. `maps` are settings of further names and their templates."""

    kind: str
    settings: Mapping[str, Any]
    maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secret: Secret | None = None


def integration(name: ReceiverName, notify: Notify) -> Integration:
    """What the configuration says of a receiver, which must be configured, and what it is to be told. What is over is told too."""
    receivers, file = notify.receivers, KINDS[name].file
    match getattr(receivers, name):
        case Slack(channel=channel):
            return Integration(
                "slack",
                {"send_resolved": True, "channel": channel, "title": messages.TITLE, "text": messages.both(messages.SLACK)},
                secret=Secret(("api_url_file",), file, "apiURL"),
            )
        case Email() as email:
            return _email(email, receivers)
        case Webhook(url=url):
            settings = {"send_resolved": True} | ({} if url is None else {"url": url})
            return Integration("webhook", settings, secret=Secret(("url_file",), file, "urlSecret") if url is None else None)
        case Jira() as jira:
            return _jira(jira)
    if name == "teams":
        return Integration(
            "msteamsv2",
            {"send_resolved": True, "title": messages.TITLE, "text": messages.both(messages.MARKDOWN)},
            secret=Secret(("webhook_url_file",), file, "webhookURL"),
        )
    return _pagerduty()


def _pagerduty() -> Integration:
    """An incident for each group. The texts replace those of Alertmanager's own details, which list every label."""
    settings = {
        "send_resolved": True,
        "description": messages.TITLE,
        "severity": "{{ .CommonLabels.severity }}",
        "class": "{{ .GroupLabels.alertname }}",
        "group": "{{ .GroupLabels.job }}",
    }
    details = {"firing": messages.firing(messages.PLAIN), "resolved": messages.resolved(messages.PLAIN)}
    return Integration("pagerduty", settings, {"details": details}, Secret(("routing_key_file",), KINDS["pagerduty"].file, "routingKey"))


def _email(email: Email, receivers: Receivers) -> Integration:
    settings = {
        "send_resolved": True,
        "to": email.to,
        "from": email.sender,
        "smarthost": email.smarthost,
        "html": messages.both(messages.HTML),
        "text": messages.both(messages.PLAIN),
    }
    headers = {"headers": {"Subject": messages.TITLE}}
    if email.auth_username is None:
        return Integration("email", settings, headers)
    secret = Secret(("auth_password_file",), KINDS["email"].file, "authPassword")
    return Integration("email", settings | {"auth_username": email.auth_username}, headers, secret)


def _jira(jira: Jira) -> Integration:
    """A ticket for each group. Jira Cloud takes a user and a token, Jira Data Center a token alone.

    That the end is told too is Alertmanager's default, and not written: the Prometheus Operator, up to 0.84 at least, refuses a file that says so.
    """
    settings: dict[str, Any] = {
        "api_url": jira.api_url,
        "project": jira.project,
        "issue_type": jira.issue_type,
        "summary": messages.TITLE,
        "description": messages.both(messages.JIRA),
    }
    login, setting = {"username": jira.username}, ("http_config", "basic_auth", "password_file")
    if jira.username is None:
        login, setting = {"type": "Bearer"}, ("http_config", "authorization", "credentials_file")
    settings["http_config"] = {setting[1]: login}
    return Integration("jira", settings, secret=Secret(setting, KINDS["jira"].file))
