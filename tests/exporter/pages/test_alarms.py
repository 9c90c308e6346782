"""The alerts of the page and those of the rules, over the same chats: what chatprobe tells Prometheus is put to promtool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from alerts.rule import Alert
from alerts.rules import rules
from alerts.slos import BURN, EXHAUSTED, PERIOD_INTERVAL_SECONDS
from alerts.targets import CERTIFICATE_DAYS, DOWN
from alerts.windows import DAY, Speed
from catalogue import own
from catalogue.metric import Metric
from config.reader import parse
from exporter.alarms.evaluation import CONDITIONS, WANTED
from exporter.alarms.holding import Holding
from exporter.alarms.samples import Present
from exporter.native.drops import DropReason, LeftOut
from exporter.web.pages.alarms import Alarms
from exporter.web.pages.alerting import HOW_TOLD, NOT_TOLD
from probes.failure import Reason
from probes.load import LoadFailure
from probes.numbers.number import Number
from probes.record import ChatRecord
from tests.alerts.promtool import firing_together
from tests.exporter.chats import chat, gathered
from tests.exporter.pages.stage import THREE, Stage, StageClock, three
from tests.exporter.scrape import Labels, read
from tests.waiting import eventually
from traffic.events import Facts, ModelLoad, Skip, SkipReason, to_all

EVERY_SECONDS = 30
SLACK_SECONDS = 2 * EVERY_SECONDS
"""Rules of several groups see each other an evaluation later, and rates reach back to the sample before."""
LOOKED_AT = (
    *(wanted.metric for wanted in WANTED),
    own.PROBE_SUCCESS,
    own.LAST_PROBE,
    own.LAST_SUCCESS,
    own.SLO_TOTAL,
    own.SLO_GOOD,
    own.SCENARIO_INTERVAL,
    own.SCENARIO_TIMEOUT,
    own.CERTIFICATE_EXPIRY,
)
OF_EVENTS = frozenset({DOWN, *BURN.values(), EXHAUSTED, *CERTIFICATE_DAYS})
OF_SAMPLES = frozenset(condition.alert.name for condition in CONDITIONS)
ITSELF = ""
"""In place of a target: an alert on chatprobe itself."""
TWO_SCENARIOS = THREE.replace("scenarios:", "scenarios:\n  careful: {every: 60s, prompt: {text: Hello}, targets: [vllm, tgi]}")


class Watched:
    """A stage that is scraped while it plays, and looked at whenever Prometheus would evaluate its rules, for some alerts."""

    def __init__(self, text: str, alerts: frozenset[str] = OF_EVENTS) -> None:
        self._alerts = alerts
        self.stage = Stage(parse(text).config, StageClock(began=0.0))
        self.tell = to_all([self.stage.tell, self.stage.metrics.recording])
        self._samples: dict[tuple[str, Labels], dict[int, float]] = {}
        self.seen: dict[str, dict[str, list[int]]] = {name: {} for name in alerts}
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
        names = frozenset(name for metric in LOOKED_AT for name in (metric.name, metric.bucket))
        body = self.stage.metrics.exposition.render("text/plain", names=names)[0]
        for name, series in read(body).samples.items():
            for labels, value in series.items():
                self._samples.setdefault((name, labels), {})[self._scrapes] = value
        self._scrapes += 1
        self.stage.scene.alarms.sample()
        for one in self.stage.scene.alarms.all():
            if one.state == "firing" and one.alert in self._alerts:
                instants = self.seen[one.alert].setdefault(one.target or ITSELF, [])
                if instants[-1:] != [at]:
                    instants.append(at)

    def series(self) -> Mapping[str, str]:
        """What was scraped, as promtool reads it; from 0 on, when there was nothing. A series that ends is marked, as Prometheus marks it."""
        told = {}
        for (name, labels), samples in self._samples.items():
            written = ",".join(f'{key}="{value}"' for key, value in (*sorted(labels), ("job", "chatprobe"), ("instance", "chatprobe-0:9840")))
            told[f"{name}{{{written}}}"] = " ".join(
                f"{samples[place]:.10g}" if place in samples else "stale" if place - 1 in samples else "_" for place in range(self._scrapes)
            )
        return told

    def told(self, folder: Path) -> dict[str, dict[str, list[int]]]:
        """When each alert fires on each target by its rules."""
        alerts = sorted(self._alerts)
        minutes = [number * EVERY_SECONDS / 60 for number in range(self._scrapes)]
        told: dict[str, dict[str, list[int]]] = {}
        found = firing_together(self.stage.config, alerts, self.series(), minutes, folder, every_seconds=EVERY_SECONDS)
        for alert, fired in zip(alerts, found, strict=True):
            by_target = told.setdefault(alert, {})
            for minute, each in fired.items():
                for target in {one.labels.get("target", ITSELF) for one in each}:
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


def agree(watched: Watched, folder: Path, slack_seconds: float = SLACK_SECONDS) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Fails where the page and the rules do not fire at the same times; gives when they do by the rules."""
    fired_by_rules = {alert: {target: spans(at) for target, at in by_target.items()} for alert, by_target in watched.told(folder).items()}
    page = {alert: {target: spans(at) for target, at in by_target.items()} for alert, by_target in watched.seen.items()}
    for alert in page:
        assert page[alert].keys() == fired_by_rules[alert].keys(), f"{alert}: {page[alert]} on the page, {fired_by_rules[alert]} by the rules"
        for target, fired in fired_by_rules[alert].items():
            ours = page[alert][target]
            near = len(ours) == len(fired) and all(
                abs(one - other) <= slack_seconds for mine, theirs in zip(ours, fired, strict=True) for one, other in zip(mine, theirs, strict=True)
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


@pytest.mark.prometheus
def test_a_spent_budget_is_told_by_the_page_and_by_the_rule(tmp_path: Path) -> None:
    watched = Watched(THREE.replace("window: 30d", "window: 6h"), frozenset({EXHAUSTED}))
    watched.play(60, tgi=(0.2, Reason.TRUNCATED))
    fired = agree(watched, tmp_path, SLACK_SECONDS + PERIOD_INTERVAL_SECONDS)
    assert set(fired[EXHAUSTED]) == {"tgi"}


TROUBLED = THREE.replace('model: "gemma3:4b"', 'model: "gemma3:4b", load_model: true').replace("{every: 10s,", "{every: 10s, timeout: 30s,")


class Troubled(Watched):
    """A stage whose engines and whose chatprobe have troubles of all kinds, from minute to minute."""

    def __init__(self) -> None:
        super().__init__(TROUBLED, OF_SAMPLES)
        self.metrics = self.stage.metrics
        self.metrics.gap.set_targets(self.stage.plan.roster)
        self.metrics.own.configured(0.0)
        self.metrics.own.discovered("files", well=True, at=0.0)
        self.metrics.own.discovered("kubernetes", well=True, at=0.0)
        self._put_back = 0

    def hold(self, minutes: float, *chats: Callable[[], ChatRecord]) -> None:
        """Let time pass with these chats every ten seconds."""
        for _ in range(round(minutes * 6)):
            for make in chats:
                record = make()
                self.tell(record)
                self.metrics.gap.count_chat(record)
            self._pass(10)

    def well(self, target: str, **changes: object) -> Callable[[], ChatRecord]:
        return lambda: self.stage.chats(target, "chat", **changes)

    def fails(self, target: str, reason: Reason, **changes: object) -> Callable[[], ChatRecord]:
        return lambda: self.stage.failures(target, "chat", reason, None, **changes)

    def one_in(self, number: int, often: Callable[[], ChatRecord], seldom: Callable[[], ChatRecord]) -> Callable[[], ChatRecord]:
        turns = count()
        return lambda: seldom() if next(turns) % number == 0 else often()

    def engines_tell(self, waiting: float, taken: float, put_back: int, lost: int) -> None:
        """What vLLM says of itself, and how much of that is left out."""
        self._put_back += put_back
        numbers = {Number.REQUESTS_WAITING: waiting, Number.KV_CACHE_USAGE: taken, Number.PREEMPTIONS: float(self._put_back)}
        self.metrics.unified.serve_numbers("vllm", "vllm", "Qwen/Qwen2.5-7B-Instruct", None, numbers)
        self.metrics.relay.serve("vllm", "vllm", None, [], [LeftOut("lost", DropReason.BUDGET, lost)] if lost else [])


def told_of(record: ChatRecord) -> dict[str, Any]:
    """Whose chat it is, and when it was."""
    return {name: getattr(record, name) for name in ("target", "backend", "model", "scenario", "started_at")}


@pytest.mark.prometheus
def test_the_page_and_the_rules_fire_alike_by_what_is_sampled(tmp_path: Path) -> None:
    watched = Troubled()
    vllm, tgi, ollama = watched.well("vllm"), watched.well("tgi"), watched.well("ollama")
    watched.engines_tell(0, 0.4, 0, 0)
    watched.hold(4, vllm, tgi, ollama)
    watched.metrics.own.not_configured()
    watched.metrics.own.discovered("files", well=False, at=0.0)
    watched.tell(Facts("ollama", "gemma3:4b", model_loaded=False))
    quiet = chat(tokens=3, gap_ms=4000)
    silent = watched.well("ollama", chunks=quiet.chunks, ended_ns=quiet.ended_ns, finished_ns=quiet.finished_ns)
    late = watched.well("vllm", chunks=chat(tokens=32, ttft_ms=700).chunks, clock="user")
    cut = watched.fails("tgi", Reason.TRUNCATED, chunks=chat(tokens=5).chunks)
    held_back = watched.one_in(2, tgi, lambda: gathered(**told_of(watched.stage.chats("tgi", "chat"))))
    for minute in range(40):
        watched.engines_tell(5 + minute, 0.99, 3, 7)
        watched.tell(Skip("vllm", "chat", SkipReason.MISSED, watched.stage.clock.epoch_seconds()))
        watched.tell(Skip("ollama", "chat", SkipReason.MODEL_NOT_LOADED, watched.stage.clock.epoch_seconds()))
        if minute in (3, 5):
            watched.tell(watched.stage.chats("tgi", "chat", load="unwanted"))
            watched.tell(ModelLoad("ollama", 30.0, LoadFailure.TIMEOUT))
        watched.hold(1, watched.one_in(3, held_back, cut), silent, late)
    watched.engines_tell(0, 0.4, 0, 0)
    watched.metrics.own.configured(0.0)
    watched.metrics.own.discovered("files", well=True, at=0.0)
    watched.tell(Facts("ollama", "gemma3:4b", model_loaded=True))
    watched.hold(8, watched.fails("vllm", Reason.MODEL_MISSING), tgi, ollama)
    watched.hold(60, vllm, tgi, ollama)
    fired = agree(watched, tmp_path)
    assert {alert: set(by_target) for alert, by_target in fired.items()} == {
        "LLMModelMissing": {"vllm"},
        "LLMModelLoadFailed": {"ollama"},
        "LLMModelNotLoaded": {"ollama"},
        "LLMProbeLoadsModel": {"tgi"},
        "LLMProbesSkipped": {"vllm"},
        "LLMStreamGathered": {"tgi"},
        "LLMStreamStalled": {"ollama", "tgi"},  # what breaks off was silent before
        "LLMFirstTokenButNoCompletion": {"tgi"},
        "LLMBucketSaturation": set(),
        "LLMEngineSlowerThanPeer": {"vllm", "ollama"},
        "LLMClientServerGap": {"vllm"},
        "LLMQueueGrowing": {"vllm"},
        "LLMKVCacheNearFull": {"vllm"},
        "LLMPreemptions": {"vllm"},
        "LLMNativeSeriesDropped": {"vllm"},
        "LLMConfigReloadFailed": {ITSELF},
        "LLMDiscoveryFailing": {ITSELF},
        "LLMClockFallback": {ITSELF},
    }
    lately = watched.stage.clock.epoch_seconds() - SLACK_SECONDS
    unresolved = {(alert, target) for alert, by_target in fired.items() for target, spans in by_target.items() if spans[-1][1] >= lately}
    assert unresolved == {("LLMEngineSlowerThanPeer", "ollama")}  # which is as slow as that


def test_of_every_alert_the_page_says_how_it_is_told_or_why_not() -> None:
    every = {rule.name for group in rules(parse(THREE).config).groups for rule in group.rules if isinstance(rule, Alert)}
    assert set(HOW_TOLD) == OF_EVENTS | OF_SAMPLES
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


async def test_a_sample_is_taken_whenever_an_evaluation_is_due_whatever_became_of_the_one_before() -> None:
    stage = three()
    asked: list[float] = []

    def source(metric: Metric) -> Present:
        if metric is own.PROBES:
            asked.append(stage.clock.monotonic_ns() / 1e9)
        if len(asked) == 2:
            raise ValueError("it broke")
        return Present([((), (0.0,))] if metric is own.RELOAD_SUCCESSFUL else [])

    alarms = Alarms(stage.scene.standing, stage.scene.budgets, stage.clock, source, lambda look: look())
    watching = asyncio.create_task(alarms.watch())
    await eventually(lambda: any(one.state == "firing" for one in alarms.of(None)))
    watching.cancel()
    (one,) = alarms.of(None)
    assert (one.alert, one.target) == ("LLMConfigReloadFailed", None)
    assert asked[:3] == [30, 60, 90]
