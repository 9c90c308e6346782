"""Who is told of which alerts, how soon and how often: routes by severity, before they are written in any form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from alerts.receivers import Integration, integration
from alerts.windows import DAY, HOUR, MINUTE, Severity, written
from config.alerting import Alerts
from config.model import Config
from config.notify import Notify, ReceiverName

GROUP_BY = ("alertname", "job")
"""One outage of several engines is one notification, and trouble of another kind is another one, which does not wait in the first one's group."""
NOBODY = "nobody"
"""The receiver of alerts that are for nobody."""
_ON_ITS_WAY_SECONDS = 15


class NotificationsError(Exception):
    """Notifications that cannot be written in the form that was asked for: "what is wrong; what would be right"."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a new group waits for more alerts, how long it then waits before it tells of changes, and after which time it reminds."""

    group_wait_seconds: int
    group_interval_seconds: int
    repeat_interval_seconds: int


Timings = Mapping[Severity, Timing]


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts of a severity, and who is told."""

    receiver: str
    severity: Severity
    integrations: tuple[Integration, ...]
    timing: Timing


def usual_timings(alerts: Alerts) -> Timings:
    """Pages wait until one more evaluation has been heard of: an outage reaches engines in different evaluations, and an alert that silences
    others may come after them. Then on-call hears of a change after a minute at most, and is reminded every 4 hours. Nobody waits for tickets:
    what changes within half an hour is one message, and a day is time enough to read it.

    Reminders come more often than every 5 days, after which Alertmanager forgets what it told (`--data.retention`).
    """
    wait = ceil(alerts.evaluation_interval_seconds) + _ON_ITS_WAY_SECONDS
    return {
        Severity.PAGE: Timing(wait, MINUTE, 4 * HOUR),
        Severity.TICKET: Timing(max(wait, 2 * MINUTE), 30 * MINUTE, DAY),
        Severity.INFO: Timing(max(wait, 2 * MINUTE), 30 * MINUTE, 3 * DAY),
    }


def notified(config: Config) -> Notify:
    """What the configuration says of notifications. Raises `NotificationsError` if that is nothing."""
    if config.alerts.notify is None:
        raise NotificationsError('alerts.notify: is missing; write notify: {receivers: {slack: {channel: "#llm-alerts"}}}')
    return config.alerts.notify


def routes(notify: Notify, timings: Timings) -> tuple[Route, ...]:
    """A route for each severity that anybody is told of."""
    told: dict[Severity, tuple[str, tuple[ReceiverName, ...]]] = {
        Severity.PAGE: ("page", notify.page),
        Severity.TICKET: ("ticket", notify.ticket),
        Severity.INFO: ("info", notify.info),
    }
    return tuple(
        Route(receiver, severity, tuple(integration(name, notify) for name in names), timings[severity])
        for severity, (receiver, names) in told.items()
        if names
    )


def timing_of(route: Route) -> tuple[str, str, str]:
    """Its times as Alertmanager writes them: wait, interval, repeat."""
    timing = route.timing
    return written(timing.group_wait_seconds), written(timing.group_interval_seconds), written(timing.repeat_interval_seconds)
