"""Notifications as Alertmanager's configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alerts.forms.yaml import dump
from alerts.inhibition import INHIBITIONS, Inhibition
from alerts.notifications import GROUP_BY, NOBODY, Route, Timings, notified, routes, timing_of, usual_timings
from alerts.receivers import Integration
from config.model import Config


def alertmanager_yml(config: Config, timings: Timings | None = None) -> str:
    """The text of the file, with the usual timings if none are given. Raises `NotificationsError` where nobody is to be told."""
    notify = notified(config)
    found = routes(notify, timings or usual_timings(config.alerts))
    content = {
        "route": {"receiver": NOBODY, "group_by": [*GROUP_BY], "routes": [_route(route) for route in found]},
        "inhibit_rules": [_inhibit_rule(inhibition) for inhibition in INHIBITIONS],
        "receivers": [{"name": NOBODY}, *(_receiver(route, notify.secrets_dir) for route in found)],
    }
    return dump(content)


def _route(route: Route) -> dict[str, Any]:
    wait, interval, repeat = timing_of(route)
    return {
        "receiver": route.receiver,
        "matchers": [f'severity="{route.severity}"'],
        "group_wait": wait,
        "group_interval": interval,
        "repeat_interval": repeat,
    }


def _inhibit_rule(inhibition: Inhibition) -> dict[str, Any]:
    present = [f'{inhibition.present}!=""'] if inhibition.present else []
    return {
        "source_matchers": [f'alertname="{inhibition.source}"', *present],
        "target_matchers": [f'alertname=~"{"|".join(inhibition.targets)}"', *present],
        "equal": [*inhibition.equal],
    }


def _receiver(route: Route, secrets_dir: str) -> dict[str, Any]:
    """Each receiver has an integration of a kind once, as the configuration has."""
    configs = {f"{each.kind}_configs": [_settings(each, secrets_dir)] for each in route.integrations}
    return {"name": route.receiver, **configs}


def _settings(told: Integration, secrets_dir: str) -> dict[str, Any]:
    settings = {**told.settings, **told.maps}
    if told.secret is None:
        return settings
    *outer, last = told.secret.setting
    return settings | _nested(settings, outer, {last: f"{secrets_dir.rstrip('/')}/{told.secret.file}"})


def _nested(settings: Mapping[str, Any], outer: list[str], added: dict[str, Any]) -> dict[str, Any]:
    """What `settings` has at a place, with what is added there, from the outside in."""
    if not outer:
        return added
    inner = settings[outer[0]]
    return {outer[0]: {**inner, **_nested(inner, outer[1:], added)}}
