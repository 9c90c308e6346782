from __future__ import annotations

from dataclasses import replace

import pytest

from bench.comparing.asked import Asked
from bench.comparing.conditions import read_condition
from bench.comparing.judging import judge, judge_alone
from bench.comparing.pairing import PairingError
from bench.comparing.run import ComparedRun, Definition, Side, Taken, Target, shared_slo
from bench.comparing.thresholds import read_thresholds
from bench.comparing.verdict import Basis, JudgedChange, Outcome, Verdict
from bench.question import Question, read_question
from bench.summary.words import percent
from config.bench_slos import PRESETS
from tests.bench.comparing.sides import ENGINE, FACTS, baseline, candidate, run
from tests.bench.comparing.sides import taken as taken_of
from tests.bench.summary.chats import Engine, level

LENIENT = Asked(thresholds=read_thresholds(["20%"]))
"""What 600 chats, whose p95 is known to some ±6 %, can pass."""


def expecting(*facts: str) -> Asked:
    return replace(LENIENT, expected=frozenset(facts))


def of(verdict: Verdict, question: str) -> JudgedChange:
    (found,) = [judged for judged in verdict.changes if str(judged.question) == question]
    return found


def test_what_is_alike_passes_and_its_interval_holds_no_difference() -> None:
    verdict = judge(baseline(), candidate(), LENIENT)
    assert verdict.outcome is Outcome.PASS
    assert {str(judged.question) for judged in verdict.changes} == {"ttft.p50", "ttft.p95", "tpot.p50", "tpot.p95", "throughput", "success"}
    change = of(verdict, "ttft.p50").change
    assert change is not None
    assert change.low < 1 < change.high
    assert change.low_corrected <= change.low
    assert change.high <= change.high_corrected
    assert (change.basis, change.replicates) == (Basis.ROUNDS, 5)


def test_a_regression_beyond_the_threshold_fails_by_the_better_bound() -> None:
    verdict = judge(baseline(), candidate(run(Engine(ttft=0.3), name="b", seed=50)), Asked())
    judged = of(verdict, "ttft.p50")
    assert verdict.outcome is judged.outcome is Outcome.FAIL
    assert judged.change is not None
    assert judged.change.low_corrected < 1.5 < judged.change.high_corrected
    assert judged.why == f"worse by at least {percent(judged.change.low_corrected - 1)}; 5 % is allowed"
    assert of(verdict, "tpot.p50").outcome is Outcome.PASS


def test_the_same_regression_passes_where_so_much_is_allowed() -> None:
    slower = candidate(run(Engine(ttft=0.3), name="b", seed=50))
    verdict = judge(baseline(), slower, Asked(thresholds=read_thresholds(["ttft=80%"])))
    assert of(verdict, "ttft.p50").outcome is Outcome.PASS
    assert verdict.outcome is Outcome.PASS


def test_a_point_beyond_the_threshold_decides_nothing() -> None:
    verdict = judge(baseline(run(chats=30, rounds=3)), candidate(run(Engine(ttft=0.212), name="b", seed=51, chats=30, rounds=3)), Asked())
    judged = of(verdict, "ttft.p50")
    assert judged.change is not None
    assert judged.change.effect > 1.05
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert "5 % is allowed" in judged.why
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_what_is_better_passes_whatever_its_size() -> None:
    verdict = judge(baseline(run(Engine(ttft=0.3))), candidate(run(name="b", seed=50)), Asked())
    assert of(verdict, "ttft.p50").outcome is Outcome.PASS
    assert of(verdict, "ttft.p50").why.startswith("better by at least ")


def test_of_what_is_better_when_higher_less_is_worse() -> None:
    verdict = judge(baseline(), candidate(run(Engine(tokens=70), name="b", seed=50)), Asked())
    assert of(verdict, "throughput").outcome is Outcome.FAIL
    assert of(judge(baseline(run(Engine(tokens=70))), candidate(run(name="b", seed=50)), Asked()), "throughput").outcome is Outcome.PASS


def test_shares_are_judged_in_points_of_a_hundred() -> None:
    verdict = judge(baseline(), candidate(run(Engine(failing=0.1), name="b", seed=50)), Asked())
    judged = of(verdict, "success")
    assert judged.outcome is Outcome.FAIL
    assert judged.change is not None
    assert not judged.change.is_ratio
    assert judged.change.low < -0.1 < judged.change.high
    assert judged.why.endswith("1 point is allowed")


@pytest.mark.parametrize(
    ("fact", "value"), [("model", "other"), ("engine", "tgi"), ("engine.version", "0.12.0"), ("engine.flags", "none"), ("hardware", "L4")]
)
def test_engines_that_are_unlike_leave_no_verdict(fact: str, value: str) -> None:
    other = candidate(run(Engine(ttft=0.3), name="b", seed=50, of_engine={**ENGINE, fact: value}))
    verdict = judge(baseline(), other, Asked())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert of(verdict, "ttft.p50").why == f"the sides are unlike: {fact} is not the same: {ENGINE[fact]}; and {value}"
    assert of(verdict, "ttft.p50").change is not None, "the numbers are shown all the same"
    assert judge(baseline(), other, Asked(expected=frozenset({fact}))).outcome is Outcome.FAIL


@pytest.mark.parametrize(("fact", "value"), [("prompts", "long ones"), ("seed", "8"), ("prober", "another"), ("tool.version", "0.2.0")])
def test_so_do_runs(fact: str, value: str) -> None:
    other = candidate(run(name="b", seed=50, facts={**FACTS, fact: value}))
    assert judge(baseline(), other, LENIENT).outcome is Outcome.INCONCLUSIVE
    assert judge(baseline(), other, expecting(fact)).outcome is Outcome.PASS


def test_of_prompts_only_what_differs_in_them_is_told() -> None:
    before, after = ({**FACTS, "prompts": f'{{"prompt": "short-question", "max_tokens": {tokens}, "cache": "cold"}}'} for tokens in (16, 32))
    judged = of(judge(baseline(run(facts=before)), candidate(run(name="b", seed=50, facts=after)), LENIENT), "ttft.p50")
    assert judged.why == "the sides are unlike: prompts is not the same: max_tokens 16; and max_tokens 32"


def test_another_patch_level_of_chatprobe_is_none() -> None:
    assert judge(baseline(), candidate(run(name="b", seed=50, facts={**FACTS, "tool.version": "0.1.9"})), LENIENT).outcome is Outcome.PASS


@pytest.mark.parametrize("fact", ["engine.version", "hardware"])
def test_what_one_side_alone_tells_may_hide_the_difference(fact: str) -> None:
    silent = {name: value for name, value in {**ENGINE, "hardware": "8 × H100"}.items() if name != fact}
    other = candidate(run(name="b", seed=50, of_engine=silent))
    before = baseline(run(of_engine={**ENGINE, "hardware": "8 × H100"}))
    judged = of(judge(before, other, LENIENT), "ttft.p50")
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert f"{fact} may not be the same: the candidate does not tell it, and on the other side it is " in judged.why
    assert judge(before, other, expecting(fact)).outcome is Outcome.PASS


def test_of_settings_only_those_make_a_difference_that_both_sides_tell() -> None:
    before = baseline(run(of_engine={**ENGINE, "engine.flags": '{"block_size": "16", "swap_space": "4"}'}))
    after = {"engine.flags": '{"block_size": "16", "new_in_this_version": "1"}'}
    assert judge(before, candidate(run(name="b", seed=50, of_engine={**ENGINE, **after})), LENIENT).outcome is Outcome.PASS
    after = {"engine.flags": '{"block_size": "32", "swap_space": "4"}'}
    judged = of(judge(before, candidate(run(name="b", seed=50, of_engine={**ENGINE, **after})), LENIENT), "ttft.p50")
    assert judged.why == 'the sides are unlike: engine.flags is not the same: block_size "16"; and block_size "32"'
    after = {"engine.flags": "none"}
    assert judge(before, candidate(run(name="b", seed=50, of_engine={**ENGINE, **after})), LENIENT).outcome is Outcome.INCONCLUSIVE


def test_what_is_not_known_of_a_side_is_told_and_leaves_a_verdict() -> None:
    told = {name: ENGINE[name] for name in ("model", "engine.version", "hardware")}
    verdict = judge(baseline(), candidate(run(name="b", seed=50, of_engine=told)), LENIENT)
    assert verdict.outcome is Outcome.PASS
    assert set(verdict.sorts[0].likeness.unknown) == {"engine", "engine.flags"}


def test_a_side_whose_own_runs_differ_is_none_whatever_was_expected() -> None:
    mixed = baseline(run(), run(name="a2", seed=20, of_engine={**ENGINE, "engine.version": "0.10.0"}))
    verdict = judge(mixed, candidate(), Asked(expected=frozenset({"engine.version"})))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "engine.version is not the same in all runs of the baseline: 0.10.0 and 0.11.0" in of(verdict, "ttft.p50").why


def test_what_was_to_change_and_did_not_is_told() -> None:
    verdict = judge(baseline(), candidate(), expecting("engine.version"))
    assert verdict.sorts[0].likeness.unchanged == ("engine.version",)
    assert verdict.outcome is Outcome.PASS


def seeded(name: str, first: int) -> Side:
    """A side of three runs, each with a seed of its own."""
    return Side(name, tuple(run(name=f"{name}{n}", seed=n, facts={**FACTS, "seed": str(n)}) for n in range(first, first + 3)))


def test_runs_with_seeds_of_their_own_are_no_unlike_sides() -> None:
    assert judge(seeded("baseline", 1), seeded("candidate", 40), LENIENT).outcome is Outcome.PASS


def test_several_runs_a_side_are_compared_run_by_run() -> None:
    before = baseline(*(run(name=f"a{n}", seed=n) for n in range(3)))
    after = candidate(*(run(Engine(ttft=0.3), name=f"b{n}", seed=50 + n) for n in range(3)))
    judged = of(judge(before, after, Asked()), "ttft.p50")
    assert judged.change is not None
    assert (judged.change.basis, judged.change.replicates) == (Basis.RUNS, 3)
    assert judged.outcome is Outcome.FAIL


def test_runs_that_differ_among_themselves_make_the_interval_wide() -> None:
    """Rounds within a run are alike here: only over runs does it show that a difference of 30 % is nothing."""
    before = baseline(*(run(Engine(ttft=ttft), name=f"a{n}", seed=n) for n, ttft in enumerate((0.15, 0.2, 0.3))))
    after = candidate(*(run(Engine(ttft=ttft), name=f"b{n}", seed=50 + n) for n, ttft in enumerate((0.2, 0.26, 0.39))))
    over_runs = of(judge(before, after, Asked()), "ttft.p50")
    assert over_runs.outcome is Outcome.INCONCLUSIVE
    over_rounds = of(judge(baseline(before.runs[1]), candidate(after.runs[1]), Asked()), "ttft.p50")
    assert over_rounds.outcome is Outcome.FAIL


def test_a_run_that_was_not_well_leaves_no_verdict() -> None:
    verdict = judge(baseline(), candidate(run(Engine(ttft=0.3), name="b", seed=50, distrust=("chats started late",))), Asked())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.grounds == ("b cannot be trusted: chats started late",)


def test_fewer_than_three_rounds_say_nothing() -> None:
    verdict = judge(baseline(run(rounds=2)), candidate(run(name="b", seed=50, rounds=2)), Asked())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert of(verdict, "ttft.p50").why == "a comparison needs 3 whole rounds, or 3 runs, a side; there are 2"
    assert of(verdict, "ttft.p50").candidate == pytest.approx(0.2, rel=0.1)


def test_a_run_of_ours_is_never_cut_into_stretches() -> None:
    def without_warm_up(name: str, seed: int) -> ComparedRun:
        measured = level({"vllm": Engine()}, rounds=2, seed=seed)
        whole = replace(measured, blocks=tuple(replace(block, warm_up_seconds=0.0) for block in measured.blocks))
        target = Target(name="vllm", levels={"10 users": taken_of(whole)}, facts=ENGINE)
        return replace(run(name=name), targets={"vllm": target})

    verdict = judge(baseline(without_warm_up("a", 1)), candidate(without_warm_up("b", 50)), Asked())
    assert "a comparison needs 3 whole rounds" in of(verdict, "ttft.p50").why


def test_a_level_of_one_side_is_named_and_leaves_no_verdict() -> None:
    before = baseline(run(levels=("10 users", "50 users")))
    after = candidate(run(name="b", seed=50, levels=("10 users", "20 users")))
    verdict = judge(before, after, LENIENT)
    assert {judged.level for judged in verdict.changes} == {"10 users"}
    assert verdict.grounds == ("only the baseline has the level of vllm 50 users", "only the candidate has the level of vllm 20 users")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert judge(before, after, expecting("load")).outcome is Outcome.PASS


def test_targets_without_a_common_name_are_refused_with_the_remedy() -> None:
    two = run(name="b")
    two = replace(two, targets={"x": two.targets["vllm"], "y": two.targets["vllm"]})
    with pytest.raises(
        PairingError, match=r"no target is on both sides: the baseline has vllm, the candidate x and y; choose one on each, like RUN:NAME"
    ):
        judge(baseline(), candidate(two), Asked())


def test_two_targets_of_one_run_are_compared_round_by_round() -> None:
    """Every second round is slow for both engines: paired, the difference shows all the same."""
    rounds = [level({"x": Engine(ttft=ttft), "y": Engine(ttft=ttft * 1.3)}, rounds=1, seed=n) for n, ttft in enumerate((0.15, 0.25) * 3)]
    renamed = [
        replace(
            one,
            blocks=tuple(replace(block, round=n, number=n) for block in one.blocks),
            chats=[replace(chat, place=replace(chat.place, round=n, block=n)) for chat in one.chats],
        )
        for n, one in enumerate(rounds, 1)
    ]
    whole = replace(renamed[0], blocks=tuple(b for one in renamed for b in one.blocks), chats=[c for one in renamed for c in one.chats])
    targets = {name: Target(name=name, levels={"10 users": taken_of(whole, name)}, facts=ENGINE) for name in ("x", "y")}
    both = replace(run(), targets=targets, paired=True)
    x, y = (replace(both, targets={name: targets[name]}) for name in ("x", "y"))
    asked = Asked(questions=(read_question("ttft.p50"),))
    paired = of(judge(baseline(x), candidate(y), asked), "ttft.p50")
    apart = of(judge(baseline(x), candidate(replace(y, source="elsewhere")), asked), "ttft.p50")
    assert paired.outcome is Outcome.FAIL
    assert apart.outcome is Outcome.INCONCLUSIVE


def aggregate(name: str, value: float, *, tool: str = "tool", quantity: str = "q") -> ComparedRun:
    target = Target(name="", levels={"1/s": Taken(load="1/s", told={Question("ttft", 0.5): value})})
    return ComparedRun(name=name, source=name, tool=tool, targets={"": target}, definitions={"ttft": Definition(quantity, f"{quantity} of {tool}")})


def test_values_of_whole_runs_need_three_runs_a_side() -> None:
    one = judge(baseline(aggregate("a", 0.1)), candidate(aggregate("b", 0.2)), Asked())
    assert one.outcome is Outcome.INCONCLUSIVE
    assert of(one, "ttft.p50").why == "only the ttft of a run as a whole is known; 3 runs a side would say how sure it is (there is 1)"
    assert (of(one, "ttft.p50").baseline, of(one, "ttft.p50").candidate) == (0.1, 0.2)
    before = baseline(*(aggregate(f"a{n}", 0.1 + n / 1000) for n in range(3)))
    several = judge(before, candidate(*(aggregate(f"b{n}", 0.2 + n / 1000) for n in range(3))), Asked())
    assert of(several, "ttft.p50").outcome is Outcome.FAIL
    assert judge(before, candidate(*(aggregate(f"b{n}", 0.1 + n / 1000) for n in range(3))), Asked()).outcome is Outcome.PASS


def test_what_two_tools_call_alike_is_not_compared() -> None:
    before = baseline(*(aggregate(f"a{n}", 0.1) for n in range(3)))
    after = candidate(*(aggregate(f"b{n}", 0.1, tool="other", quantity="r") for n in range(3)))
    judged = of(judge(before, after, Asked(expected=frozenset({"tool"}))), "ttft.p50")
    assert judged.outcome is Outcome.INCONCLUSIVE
    assert judged.why == "the tools mean other things by it: q of tool; or r of other"


def at_once(name: str, seed: int) -> Side:
    """A side whose one run sent everything at once."""
    one = run(rounds=1, chats=400, seed=seed, name=name)
    taken = replace(one.targets["vllm"].levels["10 users"], burst=True)
    return Side(name, (replace(one, targets={"vllm": replace(one.targets["vllm"], levels={"10 users": taken})}),))


def test_a_burst_is_one_event() -> None:
    judged = of(judge(at_once("baseline", 1), at_once("candidate", 9), Asked()), "ttft.p50")
    assert "all requests were sent at once: that is one event" in judged.why


def test_conditions_fail_what_surely_breaks_them_and_pass_what_surely_does_not() -> None:
    def outcome(condition: str, engine: Engine = Engine()) -> Outcome:  # noqa: B008 - frozen
        return judge_alone(candidate(run(engine)), Asked(conditions=(read_condition(condition),))).outcome

    assert outcome("ttft.p50>100ms") is Outcome.FAIL
    assert outcome("ttft.p50>300ms") is Outcome.PASS
    assert outcome("ttft.p50>200ms") is Outcome.INCONCLUSIVE
    assert outcome("success<99%") is Outcome.PASS
    assert outcome("success<99%", Engine(failing=0.05)) is Outcome.FAIL
    assert outcome("success<99.9%") is Outcome.INCONCLUSIVE, "600 chats that all succeeded do not show 99.9 %"
    assert outcome("throughput<1000") is Outcome.FAIL
    assert outcome("throughput<10tok/s") is Outcome.PASS


def test_failed_chats_are_the_worst_so_that_a_quantile_among_them_is_beyond_any_limit() -> None:
    verdict = judge_alone(candidate(run(Engine(failing=0.2))), Asked(conditions=(read_condition("ttft.p95>10s"),)))
    assert verdict.outcome is Outcome.FAIL
    assert "of the chats failed, which are the worst there are" in verdict.conditions[0].why


def test_goodput_is_by_the_objective_that_is_given_or_that_the_runs_share() -> None:
    condition = Asked(conditions=(read_condition("goodput<99%"),))
    slow = run(Engine(ttft=2.0))
    assert judge_alone(candidate(slow), condition).outcome is Outcome.INCONCLUSIVE
    assert judge_alone(candidate(slow), replace(condition, slo=PRESETS["interactive"])).outcome is Outcome.FAIL
    own = shared_slo([replace(slow, slos={"chat": {"ttft": 60.0}})])
    assert judge_alone(candidate(slow), replace(condition, slo=own)).outcome is Outcome.PASS
    assert shared_slo([slow, replace(slow, slos={"chat": {"ttft": 60.0}})]) is None


def test_many_conditions_are_judged_together() -> None:
    """A limit just outside the own interval fails alone, and no longer among a hundred."""
    one = run()
    low = judge_alone(candidate(one), Asked(conditions=(read_condition("ttft.p50>1s"),))).conditions[0].low
    assert low is not None
    just = f"ttft.p50>{low * 0.9999 * 1000:.6f}ms"
    assert judge_alone(candidate(one), Asked(conditions=(read_condition(just),))).outcome is Outcome.FAIL
    many = judge_alone(candidate(one), Asked(conditions=(read_condition(just),) + (read_condition("ttft.p50>1s"),) * 99))
    assert many.conditions[0].outcome is Outcome.INCONCLUSIVE


def test_a_failed_condition_fails_unlike_sides_too() -> None:
    other = candidate(run(name="b", seed=50, of_engine={**ENGINE, "model": "other"}))
    verdict = judge(baseline(), other, Asked(conditions=(read_condition("ttft.p50>10ms"),)))
    assert verdict.outcome is Outcome.FAIL
    assert {judged.outcome for judged in verdict.changes} == {Outcome.INCONCLUSIVE}
