"""Targets whose past is played from a script, in no time, so that pages have something to show."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace

from catalogue import own
from config.effective import effective
from config.model import Config
from config.quantities import Address
from config.reader import parse
from discovery.plan import plan
from exporter.assembly import Metrics
from exporter.history.store import History
from exporter.web.app import Sources, application
from exporter.web.pages.alarms import Alarms
from exporter.web.pages.budgets import Budgets
from exporter.web.pages.duels import Duels
from exporter.web.pages.engine_side import engine_side
from exporter.web.pages.routes import Pages
from exporter.web.pages.scene import Scene
from exporter.web.pages.standing import Standing
from exporter.web.server import listening
from probes.failure import Failure, Reason
from probes.own_account import Native
from probes.record import ChatRecord
from tests.exporter.chats import chat, failed
from traffic.events import Breaker, Event, Facts, Pair, Side, to_all
from traffic.roster import Roster

SECOND_NS = 1_000_000_000
COUNTED = (own.STREAMS_IN_FLIGHT, own.CLOCK_STEPS, own.LOG_LINES_DROPPED, own.RECORDS_LOST, own.HISTORY_LOST)
DETAILS = {
    Reason.CONNECT: "Connection refused: 10.4.7.21 port 8080",
    Reason.STALLED: "no token for 10 s after 17 of them",
    Reason.OVERLOADED: "status 429: model is overloaded",
    Reason.TRUNCATED: "the connection was closed after 41 tokens, without the answer's end",
}


@dataclass
class StageClock:
    """Stands where the script puts it. `began` is in seconds since the epoch."""

    began: float = 1_800_000_000.0
    now_ns: int = 0

    def monotonic_ns(self) -> int:
        return self.now_ns

    def epoch_seconds(self) -> float:
        return self.began + self.now_ns / SECOND_NS

    async def sleep_until(self, monotonic_ns: int) -> None:
        self.now_ns = max(self.now_ns, monotonic_ns)

    def pass_by(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@dataclass
class Stage:
    """One exporter's pages, without the exporter."""

    config: Config
    clock: StageClock = field(default_factory=StageClock)
    not_ready: str | None = None
    troubles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.plan = plan(self.config)
        roster = self.plan.roster
        self.metrics = Metrics(roster, dict.fromkeys(COUNTED, lambda: 0.0))
        self.history = History(self.config, self.clock)
        standing, budgets = Standing(roster), Budgets(roster, self.clock, self.history)
        self.scene = Scene(
            clock=self.clock,
            history=self.history,
            standing=standing,
            budgets=budgets,
            alarms=Alarms(standing, budgets, self.clock, self.metrics.source, self.metrics.read),
            duels=Duels(roster),
            plan=lambda: self.plan,
            not_ready=lambda: self.not_ready,
            troubles=lambda: self.troubles,
            config=lambda: effective(self.config),
            next_due=lambda _: dict.fromkeys(self.config.scenarios, self.clock.now_ns + 4 * SECOND_NS),
            engine_side=lambda target: engine_side(target, self.metrics.unified, self.metrics.ups),
            own=self.metrics.own_figures,
        )
        self.pages = Pages(self.scene)
        self.tell = to_all([self.scene.alarms, self.history, self.scene.standing, self.scene.budgets, self.scene.duels])
        self._chance = random.Random(7)

    def show(self, roster: Roster) -> None:
        """Other targets on the pages from now on."""
        self.scene.show(roster)

    def follow(self, roster: Roster) -> None:
        """Other targets from now on, also in the metrics, as after discovery."""
        self.plan = replace(self.plan, roster=roster)
        self.metrics.recording.set_targets(roster)
        self.show(roster)

    def listening(self, port: int = 0) -> AbstractAsyncContextManager[Address]:
        """Serve the pages while the context lasts."""
        sources = Sources(self.metrics.exposition, lambda: self.not_ready, self.scene.config, lambda: None, parts=(self.pages,))
        return listening(application(sources), Address("127.0.0.1", port))

    def chats(self, target: str, scenario: str, **changes: object) -> ChatRecord:
        """A chat that ends now, as the target's engine usually has them."""
        member = self.plan.roster.members[target]
        backend = member.endpoint.backend
        slow = {"vllm": 1.0, "tgi": 1.3, "ollama": 2.6, "sglang": 0.9, "llamacpp": 3.0}.get(backend, 1.6)
        weather = self._chance.lognormvariate(0, 0.12)
        record = chat(tokens=32, ttft_ms=32 * slow * weather, gap_ms=12.2 * slow * self._chance.lognormvariate(0, 0.04))
        known = self.scene.standing.stands[target].facts.model
        native = Native(queue_seconds=0.004 * weather, prefill_seconds=0.02 * slow, decode_seconds=0.36 * slow, total_seconds=0.4 * slow)
        return self._of(record, target, scenario, backend, known, native if backend == "vllm" else Native(), changes)

    def failures(self, target: str, scenario: str, reason: Reason, detail: str | None = None, **changes: object) -> ChatRecord:
        """A chat that fails now."""
        member = self.plan.roster.members[target]
        broke = failed(reason, after_ms=8 if reason is Reason.CONNECT else 2400, http_status=None)
        told = Failure(reason, DETAILS.get(reason, f"it was {reason}") if detail is None else detail, broke.ended_ns)
        known = self.scene.standing.stands[target].facts.model
        return self._of(replace(broke, failure=told), target, scenario, member.endpoint.backend, known, Native(), changes)

    def _of(self, record: ChatRecord, target: str, scenario: str, backend: str, model: str, native: Native, changes: dict[str, object]) -> ChatRecord:
        given: dict[str, object] = {
            "target": target,
            "scenario": scenario,
            "backend": backend,
            "model": model,
            "native": native,
            "request_id": f"{self._chance.getrandbits(128):032x}",
            "started_at": self.clock.epoch_seconds() - record.e2e_seconds,
        }
        return replace(record, **{**given, **changes})  # type: ignore[arg-type]

    def play(self, seconds: float, every: float, fails: Callable[[str], Reason | None] = lambda _: None) -> None:
        """Let time pass with a chat of each target and scenario `every` so many seconds; `fails` says which of them fail, and why."""
        for _ in range(int(seconds / every)):
            self.clock.pass_by(every)
            for name, scenario in self.config.scenarios.items():
                names = self.plan.roster.of(scenario)
                records = [self._one(target, name, fails(target)) for target in names]
                self.tell_all(records)
                if scenario.pair:
                    self.tell(Pair(name, "pair", tuple(Side(record.target, record, None) for record in records)))

    def _one(self, target: str, scenario: str, reason: Reason | None) -> ChatRecord:
        return self.chats(target, scenario) if reason is None else self.failures(target, scenario, reason)

    def tell_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self.tell(event)

    def chance(self, share: float) -> bool:
        return self._chance.random() < share


THREE = """
targets:
  vllm: {backend: vllm, url: "http://10.4.7.20:8000", model: Qwen/Qwen2.5-7B-Instruct}
  tgi: {backend: tgi, url: "http://10.4.7.21:8080", model: meta-llama/Llama-3.1-8B-Instruct}
  ollama: {backend: ollama, url: "http://10.4.7.22:11434", model: "gemma3:4b"}
scenarios:
  chat: {every: 10s, prompt: short-question, max_tokens: 32, pair: true}
slos:
  quick: {scenario: chat, ttft: 150ms, tpot: 50ms, objective: 99%, window: 30d}
"""
VERSIONS = {"vllm": "0.11.2", "tgi": "3.3.6", "ollama": "0.13.0", "sglang": "0.5.5", "llamacpp": "b6900"}


def three(clock: StageClock | None = None) -> Stage:
    """vLLM, TGI and Ollama."""
    stage = Stage(parse(THREE).config, clock or StageClock())
    stage.tell_all(
        Facts(name, member.endpoint.configured_model, backend_version=VERSIONS[name]) for name, member in stage.plan.roster.members.items()
    )
    return stage


def many(number: int = 200, clock: StageClock | None = None) -> Stage:
    """So many targets of some teams, on all engines."""
    engines, teams = tuple(VERSIONS), ("assist", "billing", "docs-search", "research", "support")
    models = ("Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-8B-Instruct", "mistralai/Mistral-7B-v0.3", "gemma3:4b")
    targets = "\n".join(
        f"  {teams[place % len(teams)]}/{engines[place % 7 % len(engines)]}-{place:03d}: "
        f'{{backend: {engines[place % 7 % len(engines)]}, url: "http://10.4.{place // 200}.{place % 200 + 1}:8000", model: "{models[place % 4]}"}}'
        for place in range(number)
    )
    text = f"""
targets:
{targets}
scenarios:
  heartbeat: {{every: 60s, prompt: short-question, max_tokens: 32}}
slos:
  quick: {{scenario: heartbeat, ttft: 150ms, tpot: 50ms, objective: 99%, window: 30d}}
"""
    return Stage(parse(text).config, clock or StageClock())


def breaks(stage: Stage, target: str, reason: Reason = Reason.CONNECT, seconds: float = 240.0, every: float = 10.0) -> None:
    """The target answers no more, and its breaker opens."""
    stage.play(seconds, every, lambda name: reason if name == target else None)
    stage.tell(Breaker(target, open=True))
