"""The alerts of the page and those of the rules, over the same chats: what chatprobe tells Prometheus is put to promtool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from alerts.rule import Alert
from alerts.rules import rules
from alerts.slos import BURN
from alerts.targets import CERTIFICATE_DAYS, DOWN
from alerts.windows import DAY, Speed
from catalogue import own
from config.reader import parse
from exporter.web.pages.alerting import HOW_TOLD, NOT_TOLD
from exporter.web.pages.holding import Holding
from probes.failure import Reason
from tests.alerts.promtool import firing_together
from tests.exporter.pages.stage import THREE, Stage, StageClock
from tests.exporter.scrape import Labels, read
from traffic.events import Facts, Skip, SkipReason, to_all

EVERY_SECONDS = 30
SLACK_SECONDS = 2 * EVERY_SECONDS
"""Rules of several groups see each other an evaluation later, and rates reach back to the sample before."""
LOOKED_AT = (
    own.PROBES,
    own.PROBE_SUCCESS,
    own.LAST_PROBE,
    own.LAST_SUCCESS,
    own.SLO_TOTAL,
    own.SLO_GOOD,
    own.SCENARIO_INTERVAL,
    own.SCENARIO_TIMEOUT,
    own.CERTIFICATE_EXPIRY,
)
TOLD = frozenset({DOWN, *BURN.values(), *CERTIFICATE_DAYS})
TWO_SCENARIOS = THREE.replace("scenarios:", "scenarios:\n  careful: {every: 60s, prompt: {text: Hello}, targets: [vllm, tgi]}")


class Watched:
    """A stage that is scraped while it plays, and looked at whenever Prometheus would evaluate its rules."""

    def __init__(self, text: str) -> None:
        self.stage = Stage(parse(text).config, StageClock(began=0.0))
        self.tell = to_all([self.stage.tell, self.stage.metrics.recording])
        self._samples: dict[tuple[str, Labels], dict[int, float]] = {}
        self.seen: dict[str, dict[str, list[int]]] = {name: {} for name in TOLD}
        self._scrapes = 0
        for name, member in self.stage.plan.roster.members.items():
            self.tell(Facts(name, member.endpoint.configured_model))
        self._pass(5)

    def play(self, minutes: float, **fails: tuple[float, Reason]) -> None:
        """Let time pass with a chat of each target every ten seconds. So large a share of a target's chats fail, and why."""
        for _ in range(round(minutes * 6)):
            for scenario, settings in self.stage.config.scenarios.items():
                if scenario == "careful" and self.stage.clock.epoch_seconds() % 60 > 10:
                    continue
                for target in self.stage.plan.roster.of(settings):
                    share, reason = fails.get(f"{target}_{scenario}", fails.get(target, (0.0, Reason.CONNECT)))
                    make = self.stage.failures(target, scenario, reason) if self.stage.chance(share) else self.stage.chats(target, scenario)
                    self.tell(make)
            self._pass(10)

    def _pass(self, seconds: int) -> None:
        self.stage.clock.pass_by(seconds)
        at = self.stage.clock.epoch_seconds()
        if at % EVERY_SECONDS == 5:
            self.stage.clock.pass_by(-5)
            self._look(round(at - 5))
            self.stage.clock.pass_by(5)

    def _look(self, at: int) -> None:
        body = self.stage.metrics.exposition.render("text/plain", names=frozenset(metric.name for metric in LOOKED_AT))[0]
        for name, series in read(body).samples.items():
            for labels, value in series.items():
                self._samples.setdefault((name, labels), {})[self._scrapes] = value
        self._scrapes += 1
        for target in self.stage.config.targets:
            for one in self.stage.scene.alarms.of(target):
                if one.state == "firing":
                    self.seen[one.alert].setdefault(target, []).append(at)

    def series(self) -> Mapping[str, str]:
        """What was scraped, as promtool reads it; from 0 on, when there was nothing."""
        told = {}
        for (name, labels), samples in self._samples.items():
            written = ",".join(f'{key}="{value}"' for key, value in (*sorted(labels), ("job", "chatprobe"), ("instance", "chatprobe-0:9840")))
            told[f"{name}{{{written}}}"] = " ".join(f"{samples[place]:.10g}" if place in samples else "_" for place in range(self._scrapes))
        return told

    def told(self, folder: Path) -> dict[str, dict[str, list[int]]]:
        """When each alert fires on each target by its rules."""
        alerts = sorted(name for name in TOLD if name in self.seen)
        minutes = [number * EVERY_SECONDS / 60 for number in range(self._scrapes)]
        told: dict[str, dict[str, list[int]]] = {}
        found = firing_together(self.stage.config, alerts, self.series(), minutes, folder, every_seconds=EVERY_SECONDS)
        for alert, fired in zip(alerts, found, strict=True):
            by_target = told.setdefault(alert, {})
            for minute, each in fired.items():
                for target in {one.labels["target"] for one in each}:
                    by_target.setdefault(target, []).append(round(minute * 60))
        return told


def spans(instants: list[int]) -> list[tuple[int, int]]:
    """From when to when, without a gap."""
    found: list[tuple[int, int]] = []
    for at in instants:
        if found and at - found[-1][1] <= EVERY_SECONDS:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


def agree(watched: Watched, folder: Path) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Fails where the page and the rules do not fire at the same times; gives when they do by the rules."""
    fired_by_rules = {alert: {target: spans(at) for target, at in by_target.items()} for alert, by_target in watched.told(folder).items()}
    page = {alert: {target: spans(at) for target, at in by_target.items()} for alert, by_target in watched.seen.items()}
    for alert in TOLD:
        assert page[alert].keys() == fired_by_rules[alert].keys(), f"{alert}: {page[alert]} on the page, {fired_by_rules[alert]} by the rules"
        for target, fired in fired_by_rules[alert].items():
            ours = page[alert][target]
            near = len(ours) == len(fired) and all(
                abs(one - other) <= SLACK_SECONDS for mine, theirs in zip(ours, fired, strict=True) for one, other in zip(mine, theirs, strict=True)
            )
            assert near, f"{alert} on {target}: {ours} on the page, {fired} by the rules"
    return fired_by_rules


@pytest.mark.prometheus
def test_the_page_and_the_rules_fire_alike(tmp_path: Path) -> None:
    watched = Watched(TWO_SCENARIOS)
    watched.play(30)
    watched.play(15, tgi=(0.5, Reason.TRUNCATED), ollama=(0.08, Reason.STALLED))
    watched.play(30, ollama=(0.08, Reason.STALLED))
    watched.play(12, tgi=(1.0, Reason.CONNECT), vllm_careful=(1.0, Reason.VALIDATION))
    watched.play(20)
    watched.play(3, vllm=(1.0, Reason.OVERLOADED))
    watched.play(45)
    fired = agree(watched, tmp_path)
    assert set(fired[DOWN]) == {"tgi", "vllm"}
    assert set(fired[BURN[Speed.FAST]]) >= {"tgi"}
    assert set(fired[BURN[Speed.SLOW]])
    assert set(fired[BURN[Speed.TICKET]])


@pytest.mark.prometheus
def test_a_certificate_alerts_once_its_end_has_been_near_for_long_enough(tmp_path: Path) -> None:
    watched = Watched(THREE)
    ends = {"vllm": 14 * DAY + 600, "tgi": 2 * DAY + 600, "ollama": 2 * DAY - 600}
    for target, at in ends.items():
        watched.tell(watched.stage.chats(target, "chat", certificate_expiry=float(at)))
    watched.play(90)
    fired = agree(watched, tmp_path)
    expiry, soon = CERTIFICATE_DAYS
    assert {alert: set(by_target) for alert, by_target in fired.items() if by_target} == {expiry: {"vllm", "tgi", "ollama"}, soon: {"tgi", "ollama"}}


@pytest.mark.prometheus
def test_what_cannot_be_sent_spends_the_budget_by_the_rules_too(tmp_path: Path) -> None:
    watched = Watched(THREE)
    watched.play(20)
    for _ in range(30):
        watched.tell(Skip("vllm", "chat", SkipReason.BREAKER, watched.stage.clock.epoch_seconds(), count=2))
        watched.play(1 / 3)
    watched.play(20)
    assert set(agree(watched, tmp_path)[BURN[Speed.FAST]]) == {"vllm"}


@pytest.mark.prometheus
def test_another_model_begins_anew(tmp_path: Path) -> None:
    watched = Watched(THREE)
    watched.play(10)
    watched.play(5, tgi=(1.0, Reason.CONNECT))
    watched.tell(Facts("tgi", "another"))
    watched.play(10, tgi=(1.0, Reason.CONNECT))
    agree(watched, tmp_path)


def test_of_every_alert_the_page_says_how_it_is_told_or_why_not() -> None:
    every = {rule.name for group in rules(parse(THREE).config).groups for rule in group.rules if isinstance(rule, Alert)}
    assert set(HOW_TOLD) == TOLD
    assert set(HOW_TOLD) | set(NOT_TOLD) == every
    assert not set(HOW_TOLD) & set(NOT_TOLD)


def test_an_alert_waits_is_kept_and_can_be_ended_at_once() -> None:
    holding = Holding(for_seconds=60, keep_seconds=120)
    phases = []
    for now, holds, ends in ((0, True, False), (30, True, False), (60, True, False), (90, False, False), (180, False, False), (210, False, False)):
        holding.evaluate(now, holds, ends=ends)
        phases.append(holding.phase)
    assert phases == ["pending", "pending", "firing", "firing", "firing", "quiet"]
    assert (holding.since, holding.fired_at) == (None, 180)
    for now in (300, 330, 360):
        holding.evaluate(now, holds=True)
    assert holding.since == 300
    holding.evaluate(390, holds=True, ends=True)
    assert holding.phase == "quiet"


@pytest.mark.parametrize(("idle_seconds", "state"), [(120, "firing"), (1800, "quiet"), (10 * DAY, "quiet")])
def test_evaluations_that_nobody_asked_for_are_made_up_for(idle_seconds: float, state: str) -> None:
    watched = Watched(THREE)
    watched.play(10)
    watched.play(3, tgi=(1.0, Reason.CONNECT))
    watched.stage.clock.pass_by(idle_seconds)
    (down,) = (one for one in watched.stage.scene.alarms.of("tgi") if one.alert == DOWN)
    assert down.state == state
