from __future__ import annotations

import pytest

from config.reader import parse
from exporter.web.pages.alerting import Seen, alerts_on
from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.exporter.pages.stage import THREE, Stage, breaks, three
from traffic.events import Skip, SkipReason
from traffic.roster import roster


def alerts(stage: Stage, target: str) -> dict[str, Seen]:
    stand = stage.scene.standing.stands[target]
    return {one.alert: one for one in alerts_on(stand, stage.scene.budgets.of(target), stage.clock.epoch_seconds())}


def test_a_budget_counts_what_was_bad_against_what_a_whole_period_may_have() -> None:
    stage = three()
    (budget,) = stage.scene.budgets.of("tgi")
    assert budget.left is None
    stage.play(1000, 10, lambda name: Reason.STALLED if name == "tgi" else None)
    (budget,) = stage.scene.budgets.of("tgi")
    assert (budget.attempts.all, budget.attempts.bad) == (100, 100)
    allowed = 0.01 * 30 * 86400 / 10
    assert budget.left == pytest.approx(1 - 100 / allowed)
    assert stage.scene.budgets.of("vllm")[0].left == 1


def test_a_chat_that_was_slow_and_one_that_could_not_be_sent_are_not_good() -> None:
    stage = three()
    stage.tell(stage.chats("vllm", "chat"))
    slow = stage.chats("ollama", "chat")
    stage.tell(slow)
    stage.tell(Skip("vllm", "chat", SkipReason.BREAKER, 0.0, count=3))
    stage.tell(Skip("vllm", "chat", SkipReason.GLOBAL_CAP, 0.0, count=5))
    (budget,) = stage.scene.budgets.of("vllm")
    assert (budget.attempts.all, budget.attempts.bad) == (4, 3)


@pytest.mark.parametrize(("choice", "attempts"), [("keep", (2, 1)), ("drop", (1, 1))])
def test_a_doubtful_chat_spends_a_budget_where_its_timings_are_kept_and_one_that_failed_always_does(choice: str, attempts: tuple[int, int]) -> None:
    stage = Stage(parse(f"{THREE}limits: {{doubtful: {choice}}}\n").config)
    stage.tell(stage.chats("ollama", "chat", sent_width_ns=2_000_000))
    stage.tell(failed(Reason.STALLED, target="ollama", backend="ollama", scenario="chat", chunks=chat().chunks, sent_width_ns=2_000_000))
    (budget,) = stage.scene.budgets.of("ollama")
    assert (budget.attempts.all, budget.attempts.bad) == attempts


def test_a_fast_burn_fires_when_both_windows_are_above_and_ends_soon_after_the_trouble() -> None:
    stage = three()
    stage.play(3600, 10)
    assert alerts(stage, "tgi")["LLMBudgetBurnFast"].state == "quiet"
    stage.play(590, 10, lambda name: Reason.TRUNCATED if name == "tgi" else None)
    stage.tell(stage.chats("tgi", "chat"))  # not down
    stage.play(60, 10, lambda name: Reason.TRUNCATED if name == "tgi" else None)
    stage.tell(stage.chats("tgi", "chat"))
    fast = alerts(stage, "tgi")["LLMBudgetBurnFast"]
    assert fast.state in ("pending", "firing")
    assert fast.since is not None
    stage.play(110, 10, lambda name: Reason.TRUNCATED if name == "tgi" and stage.chance(0.6) else None)
    stage.tell(stage.chats("tgi", "chat"))
    assert alerts(stage, "tgi")["LLMBudgetBurnFast"].state == "firing"
    assert alerts(stage, "tgi")["LLMBudgetBurnSlow"].state == "quiet"  # told by the other
    stage.play(400, 10)
    assert alerts(stage, "tgi")["LLMBudgetBurnFast"].state == "quiet"


def test_a_target_that_is_down_is_told_once() -> None:
    stage = three()
    stage.play(3600, 10)
    breaks(stage, "tgi", seconds=40)
    assert alerts(stage, "tgi")["LLMTargetDown"].state == "pending"
    breaks(stage, "tgi", seconds=1200)
    found = alerts(stage, "tgi")
    assert found["LLMTargetDown"].state == "firing"
    assert found["LLMTargetDown"].since == pytest.approx(stage.clock.began + 3600 + 10, abs=10)
    assert [one.alert for one in found.values() if one.state == "firing" and one.pages] == ["LLMTargetDown"]
    assert alerts(stage, "vllm")["LLMTargetDown"].state == "quiet"


def test_a_certificate_that_ends_soon_is_told_by_how_soon() -> None:
    stage = three()
    for days, firing in ((30, set()), (10, {"LLMCertificateExpiry"}), (1, {"LLMCertificateExpiry", "LLMCertificateExpiresSoon"})):
        stage.tell(stage.chats("vllm", "chat", certificate_expiry=stage.clock.epoch_seconds() + days * 86400))
        assert {one.alert for one in alerts(stage, "vllm").values() if one.state == "firing"} == firing


def test_an_slo_that_stays_keeps_its_budget_and_another_begins_anew() -> None:
    stage = three()
    stage.play(100, 10, lambda _: Reason.STALLED)
    other = parse(THREE.replace("ttft: 150ms", "ttft: 200ms")).config
    stage.show(roster(stage.config))
    assert stage.scene.budgets.of("tgi")[0].attempts.bad == 10
    stage.show(roster(other))
    assert stage.scene.budgets.of("tgi")[0].attempts.bad == 0


def test_who_won_is_counted_of_the_last_pairs() -> None:
    stage = three()
    stage.play(500, 10)
    fought = {(duel.one, duel.other, duel.measure): duel for duel in stage.scene.duels.fought()}
    assert len(fought) == 9
    duel = fought["ollama", "vllm", next(measure for _, _, measure in fought if measure == "ttft")]
    assert (duel.pairs, duel.one_won, duel.other_won, duel.winner) == (50, 0, 50, "vllm")
    stage.show(roster(stage.config.model_copy(update={"targets": {name: stage.config.targets[name] for name in ("vllm", "tgi")}})))
    assert {(duel.one, duel.other) for duel in stage.scene.duels.fought()} == {("tgi", "vllm")}
