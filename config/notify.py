"""Who is told of alerts, and by which Alertmanager, as an operator writes it.

No secret stands here: Alertmanager reads each from a file below `secrets_dir`, whose name `KINDS` has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Strict, ValidationInfo, field_validator, model_validator

from config.base import Section
from config.quantities import Folder
from config.rules import Finding, check_page_url, refuse, refuse_repeats
from config.version import Version, VersionOfAlertmanager, write_version

ReceiverName = Literal["slack", "teams", "pagerduty", "email", "webhook", "jira"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of receiver: the file that its secret is in, and the first version of Alertmanager that reads it there, `since`."""

    file: str
    since: Version


LEAST: Version = (0, 22)
"""The first Alertmanager with `matchers`, which routes and inhibition are written in."""
KINDS: Mapping[ReceiverName, Kind] = {
    "slack": Kind("slack-url", LEAST),
    "teams": Kind("teams-url", (0, 28)),
    "pagerduty": Kind("pagerduty-key", (0, 25)),
    "email": Kind("email-password", (0, 25)),
    "webhook": Kind("webhook-url", (0, 28)),
    "jira": Kind("jira-token", (0, 28)),
}
"""By the changelog of Alertmanager. Two of them are later than a first look says. Teams came with 0.26, its `webhook_url_file` with 0.27, where it
did not work, and the workflows that Microsoft still serves with 0.28. A webhook's `url_file` came with 0.26; until 0.28 a failed delivery to it ended
Alertmanager."""

_CHANNEL = re.compile(r"[#@]?[^\s#@{}]+")
_ADDRESS = re.compile(r"[^\s@,{}]+@[^\s@,{}]+")
_SMARTHOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}", re.ASCII)
_PLAIN_TEXT = re.compile(r"[^\s{}][^{}\r\n]*")
_API = "/rest/api/2"


def _channel(written: str) -> str:
    if not _CHANNEL.fullmatch(written):
        raise ValueError('is no channel; write "#NAME" in quotes, or its id')
    return written


def _address(written: str) -> str:
    if not _ADDRESS.fullmatch(written):
        raise ValueError("is no address of mail; write NAME@HOST")
    return written


def _addresses(written: str) -> str:
    if not all(_ADDRESS.fullmatch(address.strip()) for address in written.split(",")):
        raise ValueError("is no address of mail; write NAME@HOST, several with a comma between them")
    return written


def _smarthost(written: str) -> str:
    if not _SMARTHOST.fullmatch(written):
        raise ValueError("is not a mail server; write HOST:PORT, like smtp.example.com:587")
    return written


def _plain_text(written: str) -> str:
    if not _PLAIN_TEXT.fullmatch(written):
        raise ValueError("is not plain text on one line; write it without braces, which begin a template")
    return written


def _jira_api(url: str) -> str:
    url = check_page_url(url)
    if not url.endswith(_API):
        raise ValueError(f"is not the URL of Jira's API in version 2, whose markup tickets are written in; write https://HOST{_API}")
    return url


PlainText = Annotated[str, AfterValidator(_plain_text)]


class Slack(Section):
    """A channel of Slack, by an incoming webhook."""

    channel: Annotated[str, AfterValidator(_channel)] = Field(description='channel, like `"#llm-alerts"`, in quotes')


class Teams(Section):
    """A channel of Microsoft Teams, by the URL of a workflow, which is all that there is to know."""


class Pagerduty(Section):
    """A service of PagerDuty, by the key of its integration (Events API v2), which is all that there is to know."""


class Email(Section):
    """Mail, by a server that takes it over TLS."""

    to: Annotated[str, AfterValidator(_addresses)] = Field(description="who gets it; several with a comma between them")
    sender: Annotated[str, AfterValidator(_address)] = Field(alias="from", description="who it is from")
    smarthost: Annotated[str, AfterValidator(_smarthost)] = Field(description="the mail server, `HOST:PORT`")
    auth_username: PlainText | None = Field(default=None, description="user to log in as, with the password of the file; left out: without a login")


class Webhook(Section):
    """Anything that takes Alertmanager's own JSON."""

    url: Annotated[str, AfterValidator(check_page_url)] | None = Field(
        default=None, description="where to post it, if that is no secret; left out: the URL is in the file"
    )


class Jira(Section):
    """Tickets in Jira, one for each group of alerts."""

    api_url: Annotated[str, AfterValidator(_jira_api)] = Field(description=f"Jira's API, `https://HOST{_API}`")
    project: PlainText = Field(description="key of the project")
    issue_type: PlainText = Field(default="Task", description="type of the tickets")
    username: PlainText | None = Field(
        default=None,
        description="user that the token is of, which Jira Cloud wants, a mail address; left out: a personal access token of Jira Data Center",
    )


class Receivers(Section):
    """Who can be told: each kind at most once."""

    slack: Slack | None = Field(default=None, description="a channel of Slack")
    teams: Teams | None = Field(default=None, description="a channel of Microsoft Teams, `{}`")
    pagerduty: Pagerduty | None = Field(default=None, description="a service of PagerDuty, `{}`")
    email: Email | None = Field(default=None, description="mail")
    webhook: Webhook | None = Field(default=None, description="anything that takes Alertmanager's JSON")
    jira: Jira | None = Field(default=None, description="tickets in Jira")

    @property
    def configured(self) -> tuple[ReceiverName, ...]:
        return tuple(name for name in KINDS if getattr(self, name) is not None)

    def reads_secret(self, name: ReceiverName) -> bool:
        """Whether Alertmanager needs a file for it."""
        match name:
            case "email":
                return self.email is not None and self.email.auth_username is not None
            case "webhook":
                return self.webhook is not None and self.webhook.url is None
        return True


def _each_once(names: tuple[ReceiverName, ...]) -> tuple[ReceiverName, ...]:
    refuse_repeats(names, "receiver")
    return names


Told = Annotated[tuple[ReceiverName, ...], Strict(False), AfterValidator(_each_once)]


class Notify(Section):
    """Who is told of which alerts."""

    alertmanager: VersionOfAlertmanager = Field(
        default=(0, 25), validate_default=True, description="version of Alertmanager; what it does not know is refused"
    )
    secrets_dir: Folder = Field(default="/etc/alertmanager/secrets", description="folder (absolute) in which Alertmanager finds the secrets")
    receivers: Receivers = Field(description="who can be told")
    page: Told = Field(
        default=None,
        validate_default=True,
        description="receivers of alerts that somebody gets up for (`critical`); left out: all that are configured",
    )
    ticket: Told = Field(
        default=None,
        validate_default=True,
        description="receivers of alerts for the coming days (`warning`), `[]` for nobody; left out: all that are configured but `pagerduty`",
    )
    info: Told = Field(default=(), description="receivers of what is good to know (`info`); left out: nobody")

    @field_validator("page", mode="before")
    @classmethod
    def _all(cls, written: object, info: ValidationInfo) -> object:
        return _configured(info) if written is None else written

    @field_validator("ticket", mode="before")
    @classmethod
    def _all_that_do_not_wake(cls, written: object, info: ValidationInfo) -> object:
        if written is not None:
            return written
        names = _configured(info)
        told = tuple(name for name in names if name != "pagerduty")
        if names and not told:
            raise ValueError("would reach nobody, as there is PagerDuty alone; write [pagerduty], or [] if that is meant")
        return told

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        findings = [*self._unknown_to_alertmanager(), *self._unknown_receivers()]
        if not self.receivers.configured:
            findings.append((("receivers",), "is empty; add at least one"))
        elif not self.page:
            findings.append((("page",), "is empty, so that nobody would get up; name at least one receiver"))
        refuse(findings)
        return self

    def _unknown_to_alertmanager(self) -> Iterator[Finding]:
        if self.alertmanager < LEAST:
            yield ("alertmanager",), f"is too old: its routes know no matchers; write {write_version(LEAST)} or newer, and use one"
            return
        for name in self.receivers.configured:
            since = KINDS[name].since
            if self.alertmanager < since and self.receivers.reads_secret(name):
                stated = f"needs Alertmanager {write_version(since)}, and {write_version(self.alertmanager)} is what alerts.notify.alertmanager says"
                instead = ", or write its url here" if name == "webhook" else ""
                yield ("receivers", name), f"{stated}; take it out, or write the version that you have{instead}"

    def _unknown_receivers(self) -> Iterator[Finding]:
        for key, names in (("page", self.page), ("ticket", self.ticket), ("info", self.info)):
            for index, name in enumerate(names):
                if name not in self.receivers.configured:
                    yield (key, index), "names a receiver that is not configured; write it below receivers, or take it out"


def _configured(info: ValidationInfo) -> tuple[ReceiverName, ...]:
    receivers = info.data.get("receivers")
    return receivers.configured if isinstance(receivers, Receivers) else ()
