"""The same notifications as an object of Kubernetes for the Prometheus Operator: `AlertmanagerConfig`, monitoring.coreos.com/v1alpha1.

The operator has it apply to alerts of the object's namespace only: it adds a matcher for the label `namespace` to the route and to each inhibition.
"""

from __future__ import annotations

from typing import Any

from alerts.inhibition import INHIBITIONS, Inhibition
from alerts.notifications import GROUP_BY, NOBODY, NotificationsError, Route, Timings, notified, routes, timing_of, usual_timings
from alerts.receivers import Integration
from config.model import Config

_KINDS = {
    "slack": "slackConfigs",
    "msteamsv2": "msteamsv2Configs",
    "pagerduty": "pagerdutyConfigs",
    "email": "emailConfigs",
    "webhook": "webhookConfigs",
}
"""By Alertmanager's names. The operator's objects know no Jira (as of 0.93)."""


def alertmanager_config_object(config: Config, name: str, timings: Timings | None = None) -> dict[str, Any]:
    """The object with this name, which reads its secrets from a Secret of the same name.

    Raises `NotificationsError` where nobody is to be told, and where somebody is told in a way that the operator does not know.
    """
    found = routes(notified(config), timings or usual_timings(config.alerts))
    for route in found:
        if any(told.kind not in _KINDS for told in route.integrations):
            raise NotificationsError(
                f"alerts.notify.{route.receiver}: names Jira, which an AlertmanagerConfig knows nothing of; "
                "name another receiver, or use alertmanager.yaml"
            )
    return {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "chatprobe"}},
        "spec": {
            "route": {"receiver": NOBODY, "groupBy": [*GROUP_BY], "routes": [_route(route) for route in found]},
            "inhibitRules": [_inhibit_rule(inhibition) for inhibition in INHIBITIONS],
            "receivers": [{"name": NOBODY}, *(_receiver(route, name) for route in found)],
        },
    }


def _route(route: Route) -> dict[str, Any]:
    wait, interval, repeat = timing_of(route)
    return {
        "receiver": route.receiver,
        "groupBy": [*GROUP_BY],
        "matchers": [_matcher("severity", "=", route.severity.value)],
        "groupWait": wait,
        "groupInterval": interval,
        "repeatInterval": repeat,
    }


def _inhibit_rule(inhibition: Inhibition) -> dict[str, Any]:
    present = [_matcher(inhibition.present, "!=", "")] if inhibition.present else []
    return {
        "sourceMatch": [_matcher("alertname", "=", inhibition.source), *present],
        "targetMatch": [_matcher("alertname", "=~", "|".join(inhibition.targets)), *present],
        "equal": [*inhibition.equal],
    }


def _matcher(label: str, kind: str, value: str) -> dict[str, str]:
    return {"name": label, "matchType": kind, "value": value}


def _receiver(route: Route, secret: str) -> dict[str, Any]:
    return {"name": route.receiver, **{_KINDS[told.kind]: [_settings(told, secret)] for told in route.integrations}}


def _settings(told: Integration, secret: str) -> dict[str, Any]:
    """The settings in the operator's form: names in camel case, maps as lists, secrets by reference."""
    settings: dict[str, Any] = {_camel_case(key): value for key, value in told.settings.items()}
    settings |= {key: [{"key": each, "value": value} for each, value in named.items()] for key, named in told.maps.items()}
    if told.secret is not None and told.secret.reference is not None:
        settings[told.secret.reference] = {"name": secret, "key": told.secret.file}
    return settings


def _camel_case(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join(map(str.capitalize, others))
