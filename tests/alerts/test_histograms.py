"""What is reckoned from a histogram is the same in whichever form Prometheus has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from alerts.histograms import Recorded, Scraped
from alerts.recordings import TTFT
from catalogue import own
from exporter.metrics.exponential import SCHEMA
from tests.alerts.promtool import config, converts, values
from tests.alerts.series import told_exponentially

OF = 'job="j",instance="i",target="t",backend="vllm",model="m",scenario="s"'
BY = ("target",)
FAST, SLOW = {0.1: 5.0, 0.5: 10.0, 1.0: 10.0}, {0.1: 0.0, 0.5: 8.0, 1.0: 10.0}
"""How many of ten were not above each bound; none was above all."""
WHOLE, RECORDED = Scraped(own.TTFT), Recorded(TTFT.name)
EXPRESSIONS: dict[str, tuple[str, float | None, float | None]] = {
    "quantile": (WHOLE.quantile("0.75", BY), 0.3, 0.1 + 0.4 * 7.5 / 8),
    "recorded quantile": (RECORDED.quantile("0.75", BY), 0.3, 0.1 + 0.4 * 7.5 / 8),
    "quantile that is told": (WHOLE.told_quantile("0.75", BY), 0.3, 0.1 + 0.4 * 7.5 / 8),
    "quantile in the lowest bucket": (WHOLE.told_quantile("0.4", BY), None, 0.1 + 0.4 * 4 / 8),
    "count": (WHOLE.count(BY), 10 / 15, 10 / 15),
    "recorded count": (RECORDED.count(BY), 10 / 15, 10 / 15),
    "within": (WHOLE.within(0.5, BY), 10 / 15, 8 / 15),
    "recorded within": (RECORDED.within(0.5, BY), 10 / 15, 8 / 15),
    "mean": (WHOLE.mean(BY), 0.2, 0.4),
    "share in the lowest bucket": (WHOLE.lowest_share(BY), 0.5, 0.0),
}


EXPONENTIAL: dict[str, tuple[float | None, float | None]] = {
    "quantile": (math.sqrt(0.1 * 0.5), math.sqrt(0.1 * 0.5)),
    "recorded quantile": (math.sqrt(0.1 * 0.5), math.sqrt(0.1 * 0.5)),
    "quantile that is told": (math.sqrt(0.1 * 0.5), math.sqrt(0.1 * 0.5)),
    "quantile in the lowest bucket": (0.05, math.sqrt(0.1 * 0.5)),
    "share in the lowest bucket": (0.0, 0.0),
}
"""Where it is another answer than of the other forms: buckets are narrow, so that no quantile is made up."""


def classic(buckets: Mapping[float, float], total: float) -> dict[str, str]:
    """Grows by this with each sample."""
    count = max(buckets.values())
    name = own.TTFT.name
    written: dict[str, str] = {f'{name}_bucket{{{OF},le="{le}"}}': f"0+{each}x40" for le, each in (*buckets.items(), ("+Inf", count))}
    return written | {f"{name}_sum{{{OF}}}": f"0+{total}x40", f"{name}_count{{{OF}}}": f"0+{count}x40"}


def native(buckets: Mapping[float, float], total: float) -> dict[str, str]:
    """The same, as Prometheus converts it."""
    before = (0.0, *buckets.values())
    each = " ".join(f"{count - less:g}" for count, less in zip(buckets.values(), before, strict=False))
    shape = f"schema:-53 custom_values:[{' '.join(map(str, buckets))}]"
    grows = f"{{{{{shape} sum:{total} count:{max(buckets.values())} buckets:[{each}]}}}}"
    return {f"{own.TTFT.name}{{{OF}}}": f"{{{{{shape}}}}}+{grows}x40"}


def both(buckets: Mapping[float, float], total: float) -> dict[str, str]:
    """Where Prometheus scrapes the classic form too (`always_scrape_classic_histograms`)."""
    return classic(buckets, total) | native(buckets, total)


def answer(expression: str, series: dict[str, str], folder: Path) -> float | None:
    found = values(config(), expression, series, [10], folder)[10]
    return next(iter(found.values())) if found else None


def exponential(buckets: Mapping[float, float], total: float) -> dict[str, str]:
    """As a native histogram of chatprobe's own (`metrics.native_histograms`) has it."""
    grows = told_exponentially({**buckets, math.inf: max(buckets.values())}, total)
    return {f"{own.TTFT.name}{{{OF}}}": f"{{{{schema:{SCHEMA}}}}}+{grows}x40"}


def exponential_and_classic(buckets: Mapping[float, float], total: float) -> dict[str, str]:
    return classic(buckets, total) | exponential(buckets, total)


@pytest.mark.parametrize("form", [classic, native, both], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_it_is_the_same_in_each_form(form: Callable[[Mapping[float, float], float], dict[str, str]], name: str, tmp_path: Path) -> None:
    if form is not classic and not converts():
        pytest.skip("this Prometheus has no native histograms with custom buckets")
    expression, fast, slow = EXPRESSIONS[name]
    assert answer(expression, form(FAST, 2), tmp_path) == (fast if fast is None else pytest.approx(fast))
    assert answer(expression, form(SLOW, 4), tmp_path) == (slow if slow is None else pytest.approx(slow))


@pytest.mark.parametrize("form", [exponential, exponential_and_classic], ids=lambda form: form.__name__)
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_of_our_native_histograms_it_is_right_within_a_bucket(
    form: Callable[[Mapping[float, float], float], dict[str, str]], name: str, tmp_path: Path
) -> None:
    if not converts():
        pytest.skip("this promtool takes no native histograms")
    expression, *others = EXPRESSIONS[name]
    for given, total, expected in zip((FAST, SLOW), (2, 4), EXPONENTIAL.get(name, others), strict=True):
        assert answer(expression, form(given, total), tmp_path) == pytest.approx(expected, rel=2 ** (2**-SCHEMA) - 1)


@pytest.mark.parametrize("form", [classic, native, exponential], ids=lambda form: form.__name__)
def test_of_nothing_there_is_neither_mean_nor_share(form: Callable[[Mapping[float, float], float], dict[str, str]], tmp_path: Path) -> None:
    if form is not classic and not converts():
        pytest.skip("this Prometheus has no native histograms with custom buckets")
    idle = form(dict.fromkeys(FAST, 0.0), 0)
    assert answer(WHOLE.count(BY), idle, tmp_path) == 0
    for expression in (WHOLE.mean(BY), WHOLE.lowest_share(BY), WHOLE.told_quantile("0.95", BY), f"{WHOLE.quantile('0.5', BY)} >= 0"):
        assert answer(expression, idle, tmp_path) is None
