from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model import Limits
from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.chats import chat, failed
from tests.traffic.fakes import SECOND_NS, FakeClock, Heard
from traffic.admission import Admission, Ticket
from traffic.events import Breaker, SkipReason
from traffic.yielding import EngineLoad

BUSY = EngineLoad(generated_tokens_per_second=1_000, requests_waiting=9)
NOT_TOLD: dict[str, Any] = {"input_tokens": None, "output_tokens": None, "token_source": None}


@dataclass
class Scene:
    """Chats cost 10 tokens unless told otherwise, and every engine is busy with others' requests."""

    limits: Limits = Limits()
    clock: FakeClock = field(default_factory=FakeClock)
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self.admission = Admission(self.limits, self.clock, self.heard, self)

    def load(self, target: str) -> EngineLoad:
        return BUSY

    def admit(self, target: str = "a", *, scenario: str = "heartbeat", tokens: int = 10, yields: bool = False) -> Ticket | SkipReason:
        return self.admission.admit(target, scenario, tokens=tokens, yields=yields)

    def ticket(self, target: str = "a", *, tokens: int = 10) -> Ticket:
        verdict = self.admit(target, tokens=tokens)
        assert isinstance(verdict, Ticket)
        return verdict

    def ended(self, ticket: Ticket, record: ChatRecord) -> None:
        self.admission.release(ticket, record)

    def ok(self, ticket: Ticket, *, output_tokens: int = 8) -> None:
        self.ended(ticket, chat(target=ticket.target, scenario=ticket.scenario, input_tokens=2, output_tokens=output_tokens))

    def fails(self, ticket: Ticket, reason: Reason = Reason.CONNECT) -> None:
        record = failed(reason, target=ticket.target, scenario=ticket.scenario, started_ns=self.clock.now_ns, sent_ns=None, **NOT_TOLD)
        self.ended(ticket, record)

    def dies(self, target: str = "a") -> None:
        for _ in range(5):
            self.fails(self.ticket(target))

    def wait(self, seconds: float) -> None:
        self.clock.now_ns += round(seconds * SECOND_NS)


def test_a_chat_holds_its_stream_until_it_is_released() -> None:
    scene = Scene(Limits(streams=2, streams_per_target=1))
    first = scene.ticket("a")
    assert scene.admit("a") is SkipReason.TARGET_BUSY
    scene.ticket("b")
    assert (scene.admit("c"), scene.admission.in_flight) == (SkipReason.GLOBAL_CAP, 2)
    scene.ok(first)
    assert scene.admission.in_flight == 1
    scene.ticket("a")
    assert scene.admission.in_flight == 2


def test_what_speaks_against_a_chat_is_looked_at_in_order() -> None:
    scene = Scene(Limits(streams=2, streams_per_target=1, tokens_per_hour=600, load_share=Decimal("0.001")))
    scene.dies("a")
    scene.ok(scene.ticket("b", tokens=500), output_tokens=498)
    assert scene.admit("b", yields=True) is SkipReason.LOAD_SHARE
    assert scene.admit("b", tokens=101, yields=True) is SkipReason.TOKEN_BUDGET
    held = [scene.ticket("c"), scene.ticket("d")]
    assert scene.admit("b", tokens=101, yields=True) is SkipReason.GLOBAL_CAP
    assert scene.admit("c", tokens=101, yields=True) is SkipReason.TARGET_BUSY
    assert scene.admit("a", tokens=101, yields=True) is SkipReason.BREAKER
    for ticket in held:
        scene.ok(ticket)
    assert isinstance(scene.admit("b"), Ticket)  # does not yield


@pytest.mark.parametrize("refusal", [SkipReason.TARGET_BUSY, SkipReason.GLOBAL_CAP, SkipReason.TOKEN_BUDGET, SkipReason.LOAD_SHARE])
def test_a_refusal_takes_neither_a_turn_of_the_breaker_nor_anything_else(refusal: SkipReason) -> None:
    scene = Scene()
    held = scene.ticket("a", tokens=20)
    other = scene.ticket("b", tokens=20)
    scene.dies("a")
    scene.wait(10)
    tight = {
        SkipReason.TARGET_BUSY: Limits(streams_per_target=1),
        SkipReason.GLOBAL_CAP: Limits(streams=2),
        SkipReason.TOKEN_BUDGET: Limits(tokens_per_hour=49),
        SkipReason.LOAD_SHARE: Limits(tokens_per_hour=1_000, load_share=Decimal("0.001")),
    }[refusal]
    if refusal is SkipReason.LOAD_SHARE:
        scene.ended(scene.ticket("c"), chat(target="c"))
        scene.admission._yielding.generated("a", 600)
    scene.admission.configure(tight)
    for _ in range(20):
        assert scene.admit("a", yields=True) is refusal
    assert scene.admission.in_flight == 2
    scene.admission.configure(Limits(tokens_per_hour=200))
    trial = scene.ticket("a")
    assert trial.trial
    for ticket in (held, other, trial):
        scene.admission.release(ticket, None)
    assert isinstance(scene.admit("b", tokens=170), Ticket)


def test_what_a_chat_did_not_cost_is_free_again() -> None:
    scene = Scene(Limits(tokens_per_hour=100))
    ticket = scene.ticket(tokens=100)
    assert scene.admit(tokens=1) is SkipReason.TOKEN_BUDGET
    scene.ok(ticket, output_tokens=28)
    assert scene.admit(tokens=71) is SkipReason.TOKEN_BUDGET
    unsent = scene.ticket(tokens=70)
    scene.admission.release(unsent, None)
    silent = scene.ticket(tokens=70)
    scene.ended(silent, failed(Reason.FIRST_TOKEN_TIMEOUT, target="a", **NOT_TOLD))
    assert scene.admit(tokens=1) is SkipReason.TOKEN_BUDGET
    scene.wait(61 * 60)
    assert isinstance(scene.admit(tokens=100), Ticket)


def test_a_dead_target_is_tried_now_and_then_until_it_serves() -> None:
    scene = Scene()
    scene.dies()
    assert scene.heard.events == [Breaker("a", open=False), Breaker("a", open=True)]
    assert scene.admit() is SkipReason.BREAKER
    scene.wait(10)
    trial = scene.ticket()
    assert (trial.trial, scene.admit()) == (True, SkipReason.BREAKER)
    scene.ok(trial)
    assert scene.heard.events[2:] == [Breaker("a", open=False)]
    assert scene.ticket().trial is False


def test_a_trial_that_was_not_sent_gives_its_turn_back() -> None:
    scene = Scene()
    scene.dies()
    scene.wait(10)
    scene.admission.release(scene.ticket(), None)
    again = scene.ticket()
    scene.ended(again, chat(target="a", outcome="cancelled", finished_ns=None))
    assert scene.ticket().trial


def test_a_reload_keeps_what_is_open_what_is_spent_and_the_breakers() -> None:
    scene = Scene()
    scene.dies("dead")
    held = [scene.ticket(), scene.ticket()]
    scene.ok(scene.ticket(tokens=60), output_tokens=48)
    scene.admission.configure(Limits(streams=2, tokens_per_hour=100))
    assert (scene.admit("dead"), scene.admit()) == (SkipReason.BREAKER, SkipReason.GLOBAL_CAP)
    scene.admission.configure(Limits(tokens_per_hour=100))
    assert (scene.admission.in_flight, scene.admit(tokens=31)) == (2, SkipReason.TOKEN_BUDGET)
    for ticket in held:
        scene.ok(ticket)
    assert isinstance(scene.admit(tokens=30), Ticket)


def test_chats_to_a_target_that_is_gone_release_what_they_hold_and_say_nothing_of_its_namesake() -> None:
    scene = Scene(Limits(streams=8, tokens_per_hour=1_000, load_share=Decimal("0.001")))
    open_chats = [scene.ticket(tokens=100) for _ in range(6)]
    scene.ok(scene.ticket(tokens=100), output_tokens=98)
    scene.dies()
    scene.wait(10)
    old_trial = scene.ticket()
    scene.admission.forget("a")
    scene.heard.events.clear()
    for ticket in open_chats[:5]:
        scene.fails(ticket)
    scene.ok(open_chats[5], output_tokens=98)
    assert scene.heard.events == []
    assert isinstance(scene.admit(yields=True), Ticket)  # the namesake has generated nothing for us yet
    scene.dies()
    scene.wait(10)
    assert scene.ticket().trial
    scene.admission.release(old_trial, None)
    assert scene.admit() is SkipReason.BREAKER  # the namesake's own trial is still under way
    assert scene.admission.in_flight == 2


def test_only_scenarios_that_yield_are_held_back() -> None:
    scene = Scene(Limits(load_share=Decimal("0.01")))
    assert isinstance(scene.admit(yields=True), Ticket)
    scene.ok(scene.ticket(), output_tokens=601)
    assert scene.admit(yields=True) is SkipReason.LOAD_SHARE
    assert isinstance(scene.admit(yields=False), Ticket)
    assert isinstance(scene.admit("b", yields=True), Ticket)


def test_without_a_usage_or_a_share_none_is_held_back() -> None:
    unknown = Admission(Limits(load_share=Decimal("0.01")), FakeClock(), Heard())
    ticket = unknown.admit("a", "heartbeat", tokens=10, yields=True)
    assert isinstance(ticket, Ticket)
    unknown.release(ticket, chat(target="a", output_tokens=6_000))
    assert isinstance(unknown.admit("a", "heartbeat", tokens=10, yields=True), Ticket)
    unbound = Scene()
    unbound.ok(unbound.ticket(), output_tokens=6_000)
    assert isinstance(unbound.admit(yields=True), Ticket)


RECORDS = st.sampled_from([None, "ok", "cancelled", *Reason])


@given(st.data())
def test_nothing_leaks_whatever_happens(data: st.DataObject) -> None:
    scene = Scene(Limits(streams=6, streams_per_target=4, tokens_per_hour=1_000, load_share=Decimal("0.01")))
    held: list[Ticket] = []
    known: list[Ticket] = []

    def release(ticket: Ticket) -> None:
        held.remove(ticket)
        known[:] = [other for other in known if other is not ticket]
        match data.draw(RECORDS):
            case None:
                scene.admission.release(ticket, None)
            case "ok":
                scene.ok(ticket)
            case "cancelled":
                scene.ended(ticket, chat(target=ticket.target, scenario=ticket.scenario, outcome="cancelled", finished_ns=None))
            case reason:
                scene.fails(ticket, Reason(reason))

    for _ in range(data.draw(st.integers(1, 80))):
        match data.draw(st.sampled_from(["admit", "admit", "release", "wait", "forget"])):
            case "admit":
                target, scenario = data.draw(st.sampled_from("ab")), data.draw(st.sampled_from("xy"))
                verdict = scene.admit(target, scenario=scenario, tokens=data.draw(st.integers(1, 300)), yields=data.draw(st.booleans()))
                if isinstance(verdict, Ticket):
                    held.append(verdict)
                    known.append(verdict)
            case "release" if held:
                release(data.draw(st.sampled_from(held)))
            case "wait":
                scene.wait(data.draw(st.floats(0, 30)))
            case "forget":
                target = data.draw(st.sampled_from("ab"))
                scene.admission.forget(target)
                known[:] = [ticket for ticket in known if ticket.target != target]
        assert scene.admission.in_flight == len(held) <= 6
        assert max(Counter(ticket.target for ticket in held).values(), default=0) <= 4
        assert max(Counter((ticket.target, ticket.scenario) for ticket in known if ticket.trial).values(), default=0) <= 1
    while held:
        release(held[0])
    assert scene.admission.in_flight == 0
    scene.wait(2 * 60 * 60)
    for target in "ab":
        whole = scene.ticket(target, tokens=1_000)
        scene.admission.release(whole, None)
