from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bench.statistics.comparison import Comparison, Contrast, compare
from bench.statistics.estimates import Estimate, quantile_estimate, rate_estimate, share_estimate
from bench.statistics.power import after, detectable
from bench.statistics.samples import PARTS, Round, TooFewError
from bench.statistics.spread import Spread, freedom_of, spread_of_difference, variance_over_rounds

QUANTILES = (0.5, 0.9, 0.95)


def engine(random: np.random.Generator, *, rounds: int = 3, chats: int = 120, factor: float = 1.0, levels: tuple[float, ...] = ()) -> list[Round]:
    levels = levels or (1.0,) * rounds
    return [Round(factor * level * random.lognormal(-2, 0.5, chats), np.linspace(0, 60, chats)) for level in levels]


def contrasts(a: list[Round], b: list[Round]) -> list[Contrast]:
    return [Contrast("ttft", one, "vllm", "tgi", quantile_estimate(a, one), quantile_estimate(b, one)) for one in QUANTILES]


def compared(a: list[Round], b: list[Round], *, paired: bool = True) -> list[Comparison]:
    return compare(contrasts(a, b), paired=paired)


def test_a_slower_engine_is_told_by_how_much() -> None:
    random = np.random.default_rng(1)
    found = compared(engine(random), engine(random, factor=2.0))
    assert [one.differs for one in found] == [True, True, True]
    assert all(1 < one.low < one.low_alone < one.effect < one.high_alone < one.high for one in found)
    assert all(one.p_value <= one.p_corrected < 0.05 for one in found)


def test_the_other_way_round_the_ratio_is_one_over_it() -> None:
    random = np.random.default_rng(2)
    a, b = engine(random), engine(random, factor=1.2)
    for one, other in zip(compared(a, b), compared(b, a), strict=True):
        assert (one.effect, one.low, one.high) == pytest.approx((1 / other.effect, 1 / other.high, 1 / other.low))
        assert one.p_value == pytest.approx(other.p_value)


def test_milliseconds_are_compared_as_seconds_are() -> None:
    random = np.random.default_rng(3)
    a, b = engine(random), engine(random)
    thousandfold = [[replace(one, values=one.values * 1000) for one in rounds] for rounds in (a, b)]
    for one, other in zip(compared(a, b), compared(*thousandfold), strict=True):
        assert (one.low, one.high, one.p_corrected) == pytest.approx((other.low, other.high, other.p_corrected))


def test_good_and_bad_rounds_that_both_had_fall_out_only_where_rounds_are_paired() -> None:
    random = np.random.default_rng(4)
    levels = (1.0, 1.5, 0.7, 1.2, 0.8)
    a, b = engine(random, levels=levels), engine(random, levels=levels)
    paired, unpaired = compared(a, b)[0], compared(a, b, paired=False)[0]
    assert math.log(paired.high / paired.low) < 0.5 * math.log(unpaired.high / unpaired.low)


def test_rounds_that_were_good_for_one_engine_and_bad_for_the_other_make_no_winner() -> None:
    random = np.random.default_rng(5)
    (found, *_) = compared(engine(random, levels=(1.0, 1.3, 1.6)), engine(random, levels=(1.6, 1.5, 1.4)))
    assert not found.differs
    assert found.effect > 1.1


@pytest.mark.parametrize(
    ("shared", "rare", "freedom", "caution"), [(0.0, math.inf, 8, 0.6), (3.0, math.inf, 4, 0.8), (0.0, 1e3, 8, 0.7), (3.0, 1e3, 4, 0.9)]
)
def test_of_two_intervals_the_narrower_counts_and_errs_less_often_for_that(shared: float, rare: float, freedom: int, caution: float) -> None:
    """Of shares, of which it is known how many attempts were rare, not as much less often."""
    random = np.random.default_rng(14)
    a, b = random.standard_normal((2, 5, 1)) + shared * random.standard_normal((5, 1))
    spread = spread_of_difference(a, b, paired=True, error=0.05, rare=(rare, rare))
    assert spread.degrees_of_freedom == pytest.approx(freedom, abs=2 if shared == 0 else 1e-3)
    assert spread.caution == pytest.approx(caution)
    assert spread.half_width(0.05) == pytest.approx(replace(spread, caution=1.0).half_width(0.05 * caution))


def test_what_is_asked_to_err_less_often_than_usual_errs_less_often_still_the_fewer_the_rounds() -> None:
    a, b = np.random.default_rng(15).standard_normal((2, 6, 1))
    twelve = np.random.default_rng(17).standard_normal((2, 12, 1))
    for rounds, far_out in ((3, 1 / 4), (6, 1 / 2)):
        usual, seldom = (spread_of_difference(a[:rounds], b[:rounds], paired=False, error=error) for error in (0.05, 0.05 / 64))
        assert (usual.far_out, seldom.far_out) == pytest.approx((1.0, far_out))
        assert seldom.half_width(0.05) == pytest.approx(replace(seldom, far_out=1.0).half_width(0.05 * far_out))
        assert after(seldom, rounds, 12).far_out == pytest.approx(spread_of_difference(*twelve, paired=False, error=0.05 / 64).far_out)


def test_sides_of_unlike_spread_have_the_degrees_of_freedom_of_the_one_that_counts() -> None:
    wide, narrow = np.random.default_rng(16).standard_normal((2, 6, 1)) * np.array([1.0, 1e-3])[:, None, None]
    assert spread_of_difference(wide, narrow[:4], paired=False, error=0.05).degrees_of_freedom == pytest.approx(5, abs=0.01)
    assert spread_of_difference(wide, wide, paired=False, error=0.05).degrees_of_freedom == 10


def test_the_more_is_looked_at_the_surer_each_must_be_but_what_is_wrong_together_counts_as_little_more_than_one() -> None:
    random = np.random.default_rng(6)
    a, b = engine(random), engine(random)
    one = contrasts(a, b)[0]
    alone = compare([one], paired=True)[0]
    assert (alone.low, alone.high) == (alone.low_alone, alone.high_alone)
    thrice_the_same = compare([one] * 3, paired=True)[0]
    assert thrice_the_same.error_each == pytest.approx(0.05, rel=0.05)
    others = [replace(one, of_a=quantile_estimate(engine(random), 0.5), of_b=quantile_estimate(engine(random), 0.5)) for _ in range(10)]
    assert compare([one, *others], paired=True)[0].error_each < 0.01


def test_an_unlikely_difference_alone_is_a_likely_one_among_many() -> None:
    random = np.random.default_rng(7)
    many = [one for _ in range(8) for one in contrasts(engine(random), engine(random))]
    found = compare(many, paired=True)
    best = min(found, key=lambda one: one.p_value)
    assert best.p_value < 0.1 < best.p_corrected
    assert not any(one.differs for one in found)


def test_what_could_have_been_seen_is_more_than_half_the_interval_and_less_with_more_rounds() -> None:
    random = np.random.default_rng(8)
    few, many = (compared(engine(random, rounds=rounds), engine(random, rounds=rounds))[2] for rounds in (3, 30))
    for one in (few, many):
        assert one.detectable > math.sqrt(one.high / one.low) - 1
    assert many.detectable < 0.5 * few.detectable
    needed = few.rounds_for(0.05)
    assert needed is not None
    assert needed > 30
    assert few.rounds_for(few.detectable) == 3
    assert few.rounds_for(0.0001) is None


def test_four_of_five_runs_show_what_a_run_could_show() -> None:
    random = np.random.default_rng(9)
    spread = Spread(0.02, 10)
    least = detectable(spread, 0.05)
    drawn = least + 0.02 * random.standard_t(10, 100_000)
    assert (drawn > spread.half_width(0.05)).mean() == pytest.approx(0.8, abs=0.01)


def test_shares_are_compared_by_differences_and_two_perfect_engines_do_not_differ() -> None:
    perfect = [Round(np.ones(100), np.arange(100.0)) for _ in range(3)]
    poor = [Round((np.arange(100) % 2).astype(float), np.arange(100.0)) for _ in range(3)]
    (same,) = compare([Contrast("goodput", None, "a", "b", share_estimate(perfect), share_estimate(perfect))], paired=True)
    assert same.effect == 0
    assert same.low < 0 < same.high
    assert not same.differs
    (worse,) = compare([Contrast("goodput", None, "a", "b", share_estimate(perfect), share_estimate(poor))], paired=True)
    assert (worse.scale, worse.effect, worse.differs) == ("difference", -0.5, True)


def test_what_one_bad_attempt_leaves_open_is_known_without_looking_at_rounds() -> None:
    from scipy import stats  # takes most of a second to load, in every process that collects tests

    perfect = share_estimate([Round(np.ones(120), np.arange(120.0)) for _ in range(3)])
    poor = share_estimate([Round((np.arange(120) > 0).astype(float), np.arange(120.0)) for _ in range(3)])
    (alone,) = compare([Contrast("goodput", None, "a", "b", perfect, poor)], paired=True)
    error = math.sqrt(2) / 362
    assert alone.high - alone.effect == pytest.approx(stats.norm.ppf(0.975) * error, rel=0.01)
    assert alone.p_value == pytest.approx(2 * stats.norm.sf(3 / 360 / error), rel=0.02)
    assert alone.detectable > 2 * (alone.high - alone.effect)
    random = np.random.default_rng(14)
    among = compare([Contrast("goodput", None, "a", "b", perfect, poor), *contrasts(engine(random), engine(random))], paired=True)
    assert not among[0].differs


def test_how_much_rounds_differ_is_chance_the_less_the_fewer_rare_attempts_there_were() -> None:
    random = np.random.default_rng(18)
    for rounds, rare in ((3, 2), (3, 5), (5, 3), (5, 40)):
        counts = random.multinomial(rare, [1 / rounds] * rounds, size=20_000).astype(float)
        variances = np.array([variance_over_rounds(one[:, None] / 1000) for one in counts])
        freedom = 2 * variances.mean() ** 2 / variances.var()
        assert freedom_of(rounds - 1, variances.mean(), rare / 1000) == pytest.approx(freedom, rel=0.05)
    assert freedom_of(2, 1 / 1000**2, 1 / 1000) == math.inf
    assert freedom_of(2, 0.0, 0.0) == freedom_of(2, 1.0, math.inf) == 2


def shares_of(counts: tuple[int, ...]) -> Estimate:
    return share_estimate([Round((np.arange(120) >= bad).astype(float), np.arange(120.0)) for bad in counts])


def test_a_share_that_rests_on_one_round_is_judged_by_the_normal_distribution() -> None:
    (found,) = compare([Contrast("goodput", None, "a", "b", shares_of((0, 0, 0)), shares_of((0, 5, 0)))], paired=False)
    assert found.degrees_of_freedom == math.inf
    assert found.high - found.effect == pytest.approx(1.959964 * 5 / 360)
    (many,) = compare([Contrast("goodput", None, "a", "b", shares_of((30, 40, 50)), shares_of((30, 50, 35)))], paired=False)
    assert 2 < many.degrees_of_freedom < 4.1


def test_intervals_of_shares_exclude_no_difference_exactly_where_it_is_improbable() -> None:
    random, told = np.random.default_rng(19), []
    for rounds in (3, 5):
        for chance in (0.01, 0.05):
            for paired in (True, False):
                for _ in range(40):
                    engines = random.binomial(120, [[chance], [4 * chance]], (2, rounds))
                    (one,) = compare([Contrast("goodput", None, "a", "b", *(shares_of(tuple(each)) for each in engines))], paired=paired)
                    assert one.differs == (one.p_value < 0.05) == (not one.low_alone <= 0 <= one.high_alone)
                    told.append(one.differs)
    assert 0.3 < np.mean(told) < 0.9


def test_rates_are_compared_by_parts_or_by_whole_rounds() -> None:
    random = np.random.default_rng(10)
    a, b = random.poisson(400, (5, PARTS)).astype(float), random.poisson(500, (5, PARTS)).astype(float)
    for of_a, of_b in ((a, b), (a.sum(axis=1, keepdims=True), b.sum(axis=1, keepdims=True))):
        (found,) = compare([Contrast("throughput", None, "a", "b", rate_estimate(of_a), rate_estimate(of_b))], paired=True)
        assert found.differs
        assert found.low < 1.25 < found.high


def test_engines_with_as_many_rounds_as_parts_are_known_can_stand_beside_whole_rounds() -> None:
    random = np.random.default_rng(11)
    whole = Contrast("throughput", None, "vllm", "tgi", *(rate_estimate(random.poisson(400, (3, 1)).astype(float)) for _ in range(2)))
    assert len(compare([*contrasts(engine(random), engine(random)), whole], paired=True)) == 4


def test_three_engines_are_all_compared() -> None:
    random = np.random.default_rng(12)
    estimates = {name: quantile_estimate(engine(random, factor=factor), 0.5) for name, factor in (("a", 1.0), ("b", 1.0), ("c", 2.0))}
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    found = compare([Contrast("ttft", 0.5, one, other, estimates[one], estimates[other]) for one, other in pairs], paired=True)
    assert [one.differs for one in found] == [False, True, True]


def test_two_rounds_are_refused_and_so_are_paired_engines_with_other_rounds() -> None:
    random = np.random.default_rng(13)
    with pytest.raises(TooFewError, match="a comparison needs 3 rounds; vllm has 2"):
        compared(engine(random, rounds=2), engine(random, rounds=2))
    three, four = engine(random, rounds=3), engine(random, rounds=4)
    with pytest.raises(ValueError, match="paired engines have the same rounds; vllm and tgi have not"):
        compared(three, four)
    assert len(compared(three, four, paired=False)) == 3


def test_a_share_is_not_compared_with_a_ratio() -> None:
    with pytest.raises(ValueError, match="both need the same scale"):
        Contrast("it", None, "a", "b", Estimate(0.0, np.zeros((3, PARTS))), Estimate(0.0, np.zeros((3, PARTS)), "difference"))


def test_nothing_to_compare_is_nothing_compared() -> None:
    assert compare([], paired=True) == []
