"""How long a total outage lasts until each burn-rate alert fires, by arithmetic: for the documentation, and to be held against promtool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from alerts.objective import Alarm, objectives
from alerts.slos import BURN, alarm_waits
from config.model import Config
from config.reader import parse

OBJECTIVES = ("99%", "99.5%", "99.9%")
INTERVALS = (15, 60)


@dataclass(frozen=True, slots=True)
class Outage:
    """After so many failed chats, and so many seconds from the last good one, an alert of this name fires by this pair of windows."""

    alert: str
    alarm: Alarm
    failures: int
    seconds: int


def configured(objective: str, every_seconds: int) -> Config:
    return parse(
        f"""
targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:8000"}}}}
scenarios: {{heartbeat: {{every: {every_seconds}s, timeout: 10s, first_token_timeout: 10s}}}}
slos: {{available: {{scenario: heartbeat, objective: {objective}}}}}
alerts: {{evaluation_interval: 15s, scrape_interval: 15s}}
"""
    ).config


def outages(config: Config, every_seconds: int) -> Iterator[Outage]:
    """Of each alert's name, the pair that comes first. The first failed chat is due one interval after the last good one."""
    (objective,) = objectives(config)
    first: dict[str, Alarm] = {}
    for alarm in objective.alarms:
        name = BURN[alarm.pair.speed]
        if name not in first or alarm.failures < first[name].failures:
            first[name] = alarm
    for name, alarm in first.items():
        yield Outage(name, alarm, alarm.failures, alarm.failures * every_seconds + alarm_waits(alarm.pair))


def table() -> str:
    """In Markdown, a row for each objective and interval."""
    names = list(dict.fromkeys(BURN.values()))
    lines = ["| Objective | A chat each | " + " | ".join(f"`{name}`" for name in names) + " |", "|---|---|" + "---|" * len(names)]
    for objective in OBJECTIVES:
        for every_seconds in INTERVALS:
            found = {outage.alert: outage for outage in outages(configured(objective, every_seconds), every_seconds)}
            cells = [f"{found[name].failures} failed, {found[name].seconds / 60:g} min" for name in names]
            lines.append(f"| {objective} | {every_seconds} s | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
