"""What is known of a target now, and how it is judged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from alerts.targets import DOWN as DOWN_ALERT
from config.reader import parse
from exporter.alarms.answering import Patience
from exporter.web.pages.budgets import Budget
from exporter.web.pages.judging import Judgement, State, headline, judged
from exporter.web.pages.standing import Stand, Standing
from probes.failure import Failure, Reason
from tests.exporter.chats import chat, failed
from tests.exporter.pages.stage import THREE, Stage, three
from tests.exporter.scrape import CONFIG
from traffic.events import Breaker, Facts, Skip, SkipReason
from traffic.roster import roster

CONFIGURED = parse(CONFIG).config


@pytest.fixture
def standing() -> Standing:
    return Standing(roster(CONFIGURED))


def judgement(standing: Standing, name: str = "vllm", budgets: Sequence[Budget] = (), *, down: bool = False) -> Judgement:
    return judged(standing.stands[name], budgets, down=down)


def test_a_target_waits_until_a_chat_has_ended(standing: Standing) -> None:
    assert judgement(standing).state is State.WAITING
    standing(chat(outcome="cancelled", finished_ns=None))
    assert judgement(standing).state is State.WAITING
    standing(chat())
    assert judgement(standing) == Judgement(State.WELL, "It answers.")


def test_failures_are_failures_until_the_target_is_down(standing: Standing) -> None:
    standing(chat(scenario="long", started_at=900.0))
    standing(failed(Reason.STALLED, started_at=1000.0))
    found = judgement(standing)
    assert (found.state, found.since) == (State.FAILING, 1000.0)
    assert found.why == "The last chat of heartbeat failed. Stalled: it was stalled."
    for _ in range(2):
        standing(failed(Reason.STALLED, started_at=1015.0))
    found = judgement(standing)
    assert (found.state, found.since) == (State.FAILING, 1000.0)
    assert found.why.startswith("The last 3 chats of heartbeat failed.")
    found = judgement(standing, down=True)
    assert found == Judgement(State.DOWN, "It answers no chat. Stalled: it was stalled.", 1000.0)
    standing(failed(Reason.CONNECT, scenario="long", started_at=1030.0))
    assert judgement(standing, down=True).why == "It answers no chat. Connect: it was connect."
    standing(chat())
    assert judgement(standing).state is State.FAILING
    standing(chat(scenario="long"))
    assert judgement(standing).state is State.WELL


def test_an_open_breaker_keeps_the_reason_that_opened_it_whatever_comes_after(standing: Standing) -> None:
    standing(failed(Reason.CONNECT, failure=Failure(Reason.CONNECT, "refused", 0)))
    standing(Breaker("vllm", open=True))
    standing(failed(Reason.INTERNAL, scenario="long"))
    standing(failed(Reason.REJECTED, scenario="long"))  # an answer all the same
    for scenario in ("heartbeat", "long"):
        standing(Skip("vllm", scenario, SkipReason.BREAKER, 1_800_000_000))
    found = judgement(standing)
    assert (found.state, found.why) == (State.DOWN, "Connect in the scenario heartbeat: refused. It serves no chat, and is tried only now and then.")
    standing(Breaker("vllm", open=False))
    standing(chat())
    standing(chat(scenario="long"))
    assert judgement(standing).state is State.WELL


def test_a_target_that_is_held_back_says_why_until_it_is_not(standing: Standing) -> None:
    standing(chat())
    standing(Facts("vllm", "tiny", held_back="a chat had it loaded"))
    assert judgement(standing) == Judgement(State.HELD_BACK, "Chats are held back: a chat had it loaded.")
    standing(Facts("vllm", "tiny", loading_since=1000.0))
    assert judgement(standing) == Judgement(State.HELD_BACK, "Its engine loads the model.", 1000.0)
    standing(Facts("vllm", "tiny"))
    assert judgement(standing).state is State.WELL


@pytest.mark.parametrize(
    ("reason", "state"),
    [(SkipReason.MODEL_NOT_LOADED, State.HELD_BACK), (SkipReason.INACTIVE, State.RESTING), (SkipReason.TOKEN_BUDGET, State.RESTING)],
)
def test_chats_that_are_not_sent_are_told_by_why(standing: Standing, reason: SkipReason, state: State) -> None:
    for scenario in ("heartbeat", "long"):
        standing(Skip("vllm", scenario, reason, 1000.0))
    assert judgement(standing).state is state
    standing(chat())
    assert judgement(standing).state is State.WELL


def test_a_target_without_a_scenario_rests() -> None:
    elsewhere = CONFIGURED.model_copy(
        update={"scenarios": {name: scenario.model_copy(update={"targets": ("no",)}) for name, scenario in CONFIGURED.scenarios.items()}}
    )
    assert judgement(Standing(roster(elsewhere))) == Judgement(State.RESTING, "No scenario is for it.")


def test_what_is_gone_is_forgotten_and_what_stays_is_known(standing: Standing) -> None:
    standing(failed(Reason.CONNECT))
    standing(failed(Reason.CONNECT, target="tgi", backend="tgi"))
    standing(Breaker("vllm", open=True))
    standing.show(roster(CONFIGURED.model_copy(update={"targets": {"tgi": CONFIGURED.targets["tgi"]}})))
    assert list(standing.stands) == ["tgi"]
    standing(chat())  # of one that is gone
    standing.show(roster(CONFIGURED))
    assert judgement(standing).state is State.WAITING
    assert judgement(standing, "tgi").state is State.FAILING


def test_the_last_certificate_and_success_are_kept(standing: Standing) -> None:
    standing(chat(certificate_expiry=5e9, started_at=1000.0))
    standing(failed(Reason.STALLED))
    stand: Stand = standing.stands["vllm"]
    assert stand.certificate_expiry == 5e9
    assert stand.last_success == pytest.approx(1000.0, abs=1)
    assert stand.ended == {"ok": 1, "failed": 1}


WELL, DOWN = Judgement(State.WELL, "It answers."), Judgement(State.DOWN, "Connect: refused.")


@pytest.mark.parametrize(
    ("judgements", "title", "more"),
    [
        ({}, "There are no targets.", "Name one under targets in the configuration, or have them discovered."),
        ({"a": WELL}, "All is well.", "The one target answers."),
        ({"a": WELL, "b": WELL}, "All is well.", "Both targets answer."),
        ({"a": WELL, "b": DOWN}, "b answers no chat.", "Connect: refused. 1 other is well."),
        ({"a": DOWN, "b": DOWN, "c": WELL, "d": WELL}, "2 targets answer no chat.", "a, b. 2 others are well."),
        ({"a": Judgement(State.WAITING, ""), "b": WELL}, "Just begun.", "One target waits for its first chat."),
        ({"a": Judgement(State.RESTING, "No scenario is for it.")}, "Nothing is chatted with now.", "No scenario is for it."),
        ({"a": Judgement(State.BURNING, "Too slow."), "b": Judgement(State.WAITING, "")}, "a misses its objective.", "Too slow."),
    ],
)
def test_one_sentence_says_whether_all_is_well_or_where_to_look(judgements: dict[str, Judgement], title: str, more: str) -> None:
    found = headline(judgements, None)
    assert (found.title, found.more) == (title, more)


def test_nothing_is_well_while_nothing_is_probed() -> None:
    assert headline({"a": WELL}, "no measuring worker is running").kind == "bad"
    assert headline({"a": WELL}, "it is starting").title == "Not probing: it is starting."


def test_a_burning_budget_is_told_though_the_last_chat_was_well() -> None:
    stage = three()
    stage.play(3000, 10)
    stage.play(600, 10, lambda name: Reason.TRUNCATED if name == "tgi" and stage.chance(0.5) else None)
    stage.tell(stage.chats("tgi", "chat"))
    found = judged(stage.scene.standing.stands["tgi"], stage.scene.budgets_of("tgi"), down=stage.scene.alarms.is_down("tgi"))
    assert found.state is State.BURNING
    assert "did not meet quick: a good one succeeds with TTFT at most 150 ms and TPOT at most 50 ms." in found.why
    assert judgement(stage.scene.standing, budgets=stage.scene.budgets_of("vllm")).state is State.WELL


TWO_SCENARIOS = THREE.replace("scenarios:", "scenarios:\n  careful: {every: 10m, prompt: {text: Hello}}")


def test_a_target_is_down_where_one_scenario_fails_and_nothing_succeeds_meanwhile() -> None:
    stage = Stage(parse(TWO_SCENARIOS).config)
    stage.play(600, 10)
    assert not stage.scene.alarms.is_down("tgi")
    states = []
    for _ in range(4):
        stage.clock.pass_by(11)
        stage.tell(stage.failures("tgi", "chat", Reason.CONNECT))
        states.append(stage.scene.alarms.is_down("tgi"))
    assert states == [False, False, True, True]  # `careful` had no chat meanwhile
    assert [one.state for one in stage.scene.alarms.of("tgi") if one.alert == DOWN_ALERT] in (["quiet"], ["pending"])
    stage.tell(stage.chats("tgi", "careful"))
    assert not stage.scene.alarms.is_down("tgi")
    assert not stage.scene.alarms.is_down("vllm")


def test_a_scenario_that_fails_by_itself_is_no_outage() -> None:
    stage = Stage(parse(TWO_SCENARIOS).config)
    stage.play(600, 10)
    for _ in range(30):
        stage.clock.pass_by(10)
        stage.tell(stage.failures("tgi", "careful", Reason.VALIDATION))
        stage.tell(stage.chats("tgi", "chat"))
    assert not stage.scene.alarms.is_down("tgi")
    assert judgement(stage.scene.standing, "tgi").state is State.FAILING


def test_an_outage_lasts_as_long_as_its_alert_though_no_chat_is_held_any_more() -> None:
    stage = three()
    stage.play(600, 10)
    stage.play(180, 10, lambda name: Reason.CONNECT if name == "tgi" else None)
    assert stage.scene.alarms.is_down("tgi")
    waits = Patience.of(stage.config.scenarios["chat"])
    stage.clock.pass_by(waits.held_seconds + 30)  # the alert is kept for two minutes more
    assert stage.scene.alarms.is_down("tgi")
    stage.clock.pass_by(150)
    assert not stage.scene.alarms.is_down("tgi")


def test_the_word_of_one_target_and_of_several() -> None:
    assert [State.BURNING.of(1), State.BURNING.of(2), State.DOWN.of(2)] == ["below its SLO", "below their SLO", "down"]
