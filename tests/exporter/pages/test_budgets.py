from __future__ import annotations

import pytest

from alerts.windows import Severity
from config.reader import parse
from exporter.history.store import Past
from exporter.web.pages.alarms import Seen
from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.exporter.pages.stage import THREE, Stage, breaks, three
from traffic.events import Skip, SkipReason
from traffic.roster import roster


def alerts(stage: Stage, target: str) -> dict[str, Seen]:
    return {one.alert: one for one in stage.scene.alarms.of(target)}


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

    def trouble(seconds: float) -> str:
        stage.play(seconds, 10, lambda name: Reason.TRUNCATED if name == "tgi" and stage.chance(0.6) else None)
        return alerts(stage, "tgi")["LLMBudgetBurnFast"].state

    assert next(state for _ in range(200) if (state := trouble(30)) != "quiet") == "pending"
    trouble(150)
    fast = alerts(stage, "tgi")["LLMBudgetBurnFast"]
    assert fast.state == "firing"
    assert fast.since is not None
    assert alerts(stage, "tgi")["LLMBudgetBurnSlow"].state == "quiet"  # told by the other
    stage.play(600, 10)
    assert alerts(stage, "tgi")["LLMBudgetBurnFast"].state == "quiet"


def test_a_target_that_is_down_is_told_once() -> None:
    stage = three()
    stage.play(3600, 10)
    breaks(stage, "tgi", seconds=70)
    assert alerts(stage, "tgi")["LLMTargetDown"].state == "pending"
    breaks(stage, "tgi", seconds=1200)
    found = alerts(stage, "tgi")
    assert found["LLMTargetDown"].state == "firing"
    assert found["LLMTargetDown"].since == pytest.approx(stage.clock.began + 3600 + 40, abs=30)  # when the third failed
    assert [one.alert for one in found.values() if one.state == "firing" and one.severity is Severity.PAGE] == ["LLMTargetDown"]
    assert alerts(stage, "vllm")["LLMTargetDown"].state == "quiet"


def test_a_certificate_that_ends_soon_is_told_by_how_soon() -> None:
    stage = three()
    for days, firing in ((30, set()), (10, {"LLMCertificateExpiry"}), (1, {"LLMCertificateExpiry", "LLMCertificateExpiresSoon"})):
        stage.tell(stage.chats("vllm", "chat", certificate_expiry=stage.clock.epoch_seconds() + days * 86400))
        stage.play(3700, 100)
        assert {one.alert for one in alerts(stage, "vllm").values() if one.state == "firing"} == firing


def test_an_slo_that_stays_keeps_its_budget_and_another_begins_anew() -> None:
    stage = three()
    stage.play(100, 10, lambda _: Reason.STALLED)
    other = parse(THREE.replace("ttft: 150ms", "ttft: 200ms")).config
    stage.show(roster(stage.config))
    assert stage.scene.budgets.of("tgi")[0].attempts.bad == 10
    stage.show(roster(other))
    assert stage.scene.budgets.of("tgi")[0].attempts.bad == 0


def past_of(stage: Stage) -> Past:
    """What would be on its disk."""
    keys = ((target, scenario) for scenario in stage.config.scenarios for target in stage.config.targets)
    return Past((), {key: list(stage.history.summaries(*key, seconds=30 * 86400)) for key in keys})


def test_budgets_and_alerts_go_on_after_a_restart_by_the_history_on_disk() -> None:
    before = three()
    before.play(9 * 3600, 30)
    before.play(1800, 30, lambda name: Reason.TRUNCATED if name == "tgi" and before.chance(0.5) else None)
    before.tell(before.chats("tgi", "chat"))
    assert alerts(before, "tgi")["LLMBudgetBurnFast"].state == "firing"
    before.clock.pass_by(20)
    after = three(before.clock)
    after.tell(after.chats("tgi", "chat"))  # before the disk was read
    after.scene.budgets.restore(past_of(before))
    was, is_now = before.scene.budgets_of("tgi")[0], after.scene.budgets_of("tgi")[0]
    assert is_now.attempts == (was.attempts.all + 1, was.attempts.bad)
    for now, then in zip(is_now.burns, was.burns, strict=True):
        assert now.long.bad == then.long.bad
        assert now.long.all == pytest.approx(then.long.all, abs=30)
    assert is_now.since == pytest.approx(before.clock.began, abs=60)
    assert alerts(after, "tgi")["LLMBudgetBurnFast"].state == "firing"
    after.scene.budgets.restore(past_of(before))  # once is enough
    assert after.scene.budgets_of("tgi")[0].attempts == is_now.attempts


def test_a_target_that_is_found_after_the_disk_was_read_has_its_past_too_and_one_that_comes_back_begins_anew() -> None:
    before = three()
    before.play(600, 10, lambda _: Reason.STALLED)
    everywhere = before.plan.roster
    fewer = roster(before.config.model_copy(update={"targets": {"vllm": before.config.targets["vllm"]}}))
    late = Stage(fewer.config, before.clock)
    late.history.restore(past_of(before))
    late.show(everywhere)
    assert late.scene.budgets_of("tgi")[0].attempts == (60, 60)
    late.show(fewer)
    late.show(everywhere)
    assert late.scene.budgets_of("tgi")[0].attempts == (0, 0)


def test_a_history_that_is_opened_much_later_is_not_counted_in() -> None:
    before = three()
    before.play(600, 10, lambda _: Reason.STALLED)
    after = three(before.clock)
    after.clock.pass_by(61)
    after.scene.budgets.restore(past_of(before))
    assert after.scene.budgets_of("tgi")[0].attempts == (0, 0)


def test_who_won_is_counted_of_the_last_pairs() -> None:
    stage = three()
    stage.play(500, 10)
    fought = {(duel.one, duel.other, duel.measure): duel for duel in stage.scene.duels.fought()}
    assert len(fought) == 9
    duel = fought["ollama", "vllm", next(measure for _, _, measure in fought if measure == "ttft")]
    assert (duel.pairs, duel.one_won, duel.other_won, duel.winner) == (50, 0, 50, "vllm")
    stage.show(roster(stage.config.model_copy(update={"targets": {name: stage.config.targets[name] for name in ("vllm", "tgi")}})))
    assert {(duel.one, duel.other) for duel in stage.scene.duels.fought()} == {("tgi", "vllm")}


def test_a_budget_is_told_to_be_spent_once_enough_of_its_period_is_known() -> None:
    stage = Stage(parse(THREE.replace("window: 30d", "window: 1d")).config)
    stage.play(2.3 * 3600, 60, lambda name: Reason.STALLED if name == "tgi" else None)
    spent = alerts(stage, "tgi")["LLMErrorBudgetExhausted"]
    assert (spent.state, spent.severity) == ("quiet", Severity.INFO)
    stage.play(0.3 * 3600, 60)
    spent = alerts(stage, "tgi")["LLMErrorBudgetExhausted"]
    assert spent.state == "firing"
    assert spent.why == "quick: 9.58 times its budget is spent, of 10% of 1 d known here."
    assert alerts(stage, "vllm")["LLMErrorBudgetExhausted"].state == "quiet"
