from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.traffic.fakes import SECOND_NS, FakeClock, Heard
from traffic.breaker import FAILURES_TO_OPEN, HEARTBEAT_SECONDS, Breakers
from traffic.events import Breaker, SkipReason

NO_SIGN = (Reason.INTERNAL,)
SERVED = (Reason.EMPTY, Reason.VALIDATION, Reason.REJECTED, Reason.AUTH, Reason.MODEL_MISSING)
NOT_SERVED = [reason for reason in Reason if reason not in (*NO_SIGN, *SERVED)]


@dataclass
class Scene:
    clock: FakeClock = field(default_factory=FakeClock)
    heard: Heard = field(default_factory=Heard)
    breakers: Breakers = field(init=False)

    def __post_init__(self) -> None:
        self.breakers = Breakers(self.clock, self.heard)

    def wait(self, seconds: float) -> None:
        self.clock.now_ns += round(seconds * SECOND_NS)

    def sent(self, target: str = "vllm", scenario: str = "heartbeat") -> bool | None:
        """One more chat is due: None if it is refused, else whether it is a trial."""
        if self.breakers.refusal(target, scenario) is not None:
            return None
        return self.breakers.begin(target, scenario)

    def fails(
        self,
        reason: Reason = Reason.CONNECT,
        *,
        after_seconds: float = 0,
        trial: bool = False,
        target: str = "vllm",
        scenario: str = "heartbeat",
        **changes: Any,
    ) -> None:
        started_ns = self.clock.now_ns
        self.wait(after_seconds)
        self.breakers.end(failed(reason, target=target, scenario=scenario, started_ns=started_ns, **changes), trial=trial)

    def succeeds(self, *, trial: bool = False, target: str = "vllm", scenario: str = "heartbeat") -> None:
        self.breakers.end(chat(target=target, scenario=scenario, started_ns=self.clock.now_ns), trial=trial)

    def cancelled(self, *, trial: bool = False) -> None:
        self.breakers.end(chat(outcome="cancelled", finished_ns=None), trial=trial)

    def opened(self) -> Scene:
        for _ in range(FAILURES_TO_OPEN):
            self.fails()
        assert self.sent() is None
        self.heard.events.clear()
        return self


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("reason", NOT_SERVED)
def test_it_opens_after_five_failures_in_a_row(scene: Scene, reason: Reason) -> None:
    for _ in range(4):
        scene.fails(reason)
        assert scene.sent() is False
    scene.fails(reason)
    assert scene.breakers.refusal("vllm", "heartbeat") is SkipReason.BREAKER


@pytest.mark.parametrize("reason", SERVED)
def test_an_answer_that_is_no_good_and_a_refusal_for_what_was_asked_are_answers(scene: Scene, reason: Reason) -> None:
    for _ in range(4):
        scene.fails()
    scene.fails(reason)
    for _ in range(4):
        scene.fails()
    assert scene.sent() is False
    scene.fails()
    assert scene.sent() is None


def test_a_redirect_is_no_answer_of_the_engine(scene: Scene) -> None:
    for _ in range(FAILURES_TO_OPEN):
        assert scene.sent() is False
        scene.fails(Reason.REJECTED, http_status=307)
    assert scene.sent() is None


@pytest.mark.parametrize("status", [200, 400, 422, None])
def test_a_refusal_by_the_engine_is_one_with_any_other_status(scene: Scene, status: int | None) -> None:
    for _ in range(2 * FAILURES_TO_OPEN):
        scene.fails(Reason.REJECTED, http_status=status)
    assert scene.sent() is False


def test_scenarios_that_are_always_refused_hold_none_of_the_others_back(scene: Scene) -> None:
    """Whatever their kind, and however often they come."""
    for reason in (Reason.REJECTED, Reason.MODEL_MISSING, Reason.AUTH) * 10:
        for _ in range(FAILURES_TO_OPEN):
            assert scene.sent(scenario=f"bad-{reason}") is False
            scene.fails(reason, scenario=f"bad-{reason}")
        assert scene.sent(scenario="good") is False
        scene.succeeds(scenario="good")
    assert scene.heard.events == [Breaker("vllm", open=False)]


def test_no_scenario_takes_the_turn_of_another(scene: Scene) -> None:
    """One that is due each 3 s always fails; the other comes each 15 s, and is served each time."""
    good = 0
    for second in range(300):
        if second % 3 == 0 and (trial := scene.sent(scenario="bad")) is not None:
            scene.fails(Reason.SERVER_ERROR, scenario="bad", trial=trial)
        if second % 15 == 7:
            trial = scene.sent(scenario="good")
            assert trial is not None
            scene.succeeds(scenario="good", trial=trial)
            good += 1
        scene.wait(1)
    assert good == 20
    assert scene.heard.events.count(Breaker("vllm", open=True)) > 0


def test_each_scenario_tries_a_dead_target_each_ten_seconds_however_long_the_others_trials_take(scene: Scene) -> None:
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent(scenario="hangs") is True
    starts = []
    for second in range(30):
        if (trial := scene.sent(scenario="quick")) is not None:
            starts.append(second)
            scene.fails(scenario="quick", trial=trial)
        scene.wait(1)
    assert starts == [0, 10, 20]
    assert scene.sent(scenario="hangs") is None


def test_overload_is_no_refusal_of_what_was_asked(scene: Scene) -> None:
    for _ in range(FAILURES_TO_OPEN):
        scene.fails(Reason.OVERLOADED, http_status=429)
    assert scene.sent() is None


def test_cancelled_chats_and_our_own_failures_change_nothing(scene: Scene) -> None:
    for _ in range(4):
        scene.fails()
        scene.cancelled()
        scene.fails(Reason.INTERNAL)
        assert scene.sent() is False
    scene.fails()
    assert scene.sent() is None


def test_one_target_does_not_speak_for_another(scene: Scene) -> None:
    scene.opened()
    assert scene.sent("tgi") is False
    scene.succeeds(target="tgi")
    assert scene.sent("vllm") is None


def test_trials_come_ten_seconds_apart_from_start_to_start(scene: Scene) -> None:
    scene.opened()
    starts = []
    for _ in range(350):
        if scene.sent():
            starts.append(scene.clock.now_ns / SECOND_NS)
            scene.fails(after_seconds=0.1, trial=True)
        else:
            scene.wait(0.1)
    assert starts == pytest.approx([10, 20, 30])


def test_there_is_one_trial_at_a_time_however_long_it_takes(scene: Scene) -> None:
    scene.opened()
    scene.wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.wait(29)
    assert scene.sent() is None
    scene.fails(Reason.FIRST_TOKEN_TIMEOUT, after_seconds=1, trial=True)
    assert scene.sent() is True


def test_a_heartbeat_is_not_slowed_while_its_chats_fail_fast(scene: Scene) -> None:
    for _ in range(50):
        trial = scene.sent()
        assert trial is not None
        scene.fails(after_seconds=0.5, trial=trial)
        scene.wait(HEARTBEAT_SECONDS - 0.5 + 0.01)
    assert scene.heard.events == [Breaker("vllm", open=False), Breaker("vllm", open=True)]


def test_the_first_trial_that_is_served_closes_it(scene: Scene) -> None:
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.succeeds(trial=True)
    assert [scene.sent(), scene.sent()] == [False, False]
    assert scene.heard.events == [Breaker("vllm", open=False)]
    for _ in range(4):
        scene.fails()
    assert scene.sent() is False  # they are counted from the beginning


def test_a_chat_that_was_still_under_way_closes_it_too(scene: Scene) -> None:
    scene.opened().succeeds()
    assert scene.sent() is False


@pytest.mark.parametrize("reason", SERVED)
def test_a_trial_with_a_bad_answer_or_a_refusal_closes_it(scene: Scene, reason: Reason) -> None:
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.fails(reason, trial=True)
    assert scene.sent() is False


def test_a_trial_that_was_cancelled_or_not_sent_gives_its_turn_back(scene: Scene) -> None:
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.cancelled(trial=True)
    assert scene.sent() is True
    scene.breakers.give_back("vllm", "heartbeat")
    assert scene.sent() is True


def test_a_trial_that_failed_by_our_own_fault_had_its_turn(scene: Scene) -> None:
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.fails(Reason.INTERNAL, trial=True)
    assert scene.sent() is None
    scene.wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True


def test_a_trial_of_before_keeps_the_next_one_waiting_after_it_opened_again(scene: Scene) -> None:
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.succeeds()
    scene.opened().wait(HEARTBEAT_SECONDS)
    assert scene.sent() is None
    scene.fails(trial=True)
    assert scene.sent() is True


def test_trials_stay_ten_seconds_apart_where_chats_that_began_long_ago_open_it_again(scene: Scene) -> None:
    scene.opened().wait(2 * HEARTBEAT_SECONDS)
    assert scene.sent() is True
    scene.succeeds()
    for _ in range(FAILURES_TO_OPEN):
        scene.breakers.end(failed(Reason.STALLED, target="vllm", started_ns=0), trial=False)
    scene.fails(after_seconds=HEARTBEAT_SECONDS - 1, trial=True)
    assert scene.sent() is None
    scene.wait(1)
    assert scene.sent() is True


def test_it_is_told_at_the_first_chat_and_whenever_it_changes(scene: Scene) -> None:
    scene.cancelled()
    assert scene.heard.events == []
    scene.succeeds()
    scene.succeeds()
    assert scene.heard.events == [Breaker("vllm", open=False)]
    for _ in range(9):
        scene.fails()
    scene.succeeds()
    assert scene.heard.events == [Breaker("vllm", open=False), Breaker("vllm", open=True), Breaker("vllm", open=False)]


def test_one_that_takes_the_name_of_a_target_that_is_gone_begins_anew(scene: Scene) -> None:
    scene.opened().breakers.forget("vllm")
    assert scene.sent() is False
    scene.fails()
    assert scene.sent() is False
    assert scene.heard.events == [Breaker("vllm", open=False), Breaker("vllm", open=False)]  # the old one is closed, the new one begins
    scene.breakers.forget("never heard of")
