"""Recordings and burn-rate alerts of SLOs, as a Prometheus evaluates them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.objective import objectives
from alerts.recordings import BUDGET_REMAINING, CURRENT_BURN_RATE, PERIOD_BURN_RATE, PERIOD_MEASURED, SLI_ERROR
from alerts.rule import Alert, Group, Recording
from alerts.rules import rules
from alerts.slos import BURN, alarm_waits, groups
from alerts.targets import DOWN
from alerts.windows import Speed, recorded
from catalogue import own
from config.model import Config
from config.quantities import write_share
from config.reader import parse
from tests.alerts.outages import INTERVALS, OBJECTIVES, configured, outages, table
from tests.alerts.promtool import config, firing, firing_together, first_minute, values

FAST, SLOW, TICKET = BURN[Speed.FAST], BURN[Speed.SLOW], BURN[Speed.TICKET]
PAGE = Path(__file__).parents[2] / "docs" / "alerting.md"


LINKED = "chatprobe-slo?var-job=chatprobe&var-target=vllm&var-backend=vllm&var-model=tiny&var-scenario=heartbeat&var-slo=available"


def labels(target: str = "vllm", slo: str = "available") -> str:
    return f'{{job="chatprobe",instance="a:1",target="{target}",backend="vllm",model="tiny",scenario="heartbeat",slo="{slo}"}}'


def attempts(total: str, good: str, target: str = "vllm", slo: str = "available") -> dict[str, str]:
    """The two counters of an SLO, in promtool's notation, a sample each interval."""
    return {f"{own.SLO_TOTAL.name}{labels(target, slo)}": total, f"{own.SLO_GOOD.name}{labels(target, slo)}": good}


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("every_seconds", INTERVALS)
def test_an_outage_pages_after_as_many_chats_as_arithmetic_says(objective: str, every_seconds: int, tmp_path: Path) -> None:
    """Good chats for as long as an alert looks back, then none: it fires at the computed evaluation, and not one before.

    What went before is seldom evaluated, which takes little of promtool's time: as often as the alert has to hold before it fires. The story begins
    as much later as it must for that evaluation, or the one before it, to be among them.
    """
    chosen = configured(objective, every_seconds)
    expected = list(outages(chosen, every_seconds))
    assert [outage.alert for outage in expected] == [FAST, SLOW, TICKET]
    for outage in expected:
        pair = outage.alarm.pair
        before, after = pair.long // every_seconds, outage.seconds // every_seconds + 1
        sli, _, _, alerting = groups(replace(objectives(chosen)[0], alarms=(outage.alarm,), windows=(pair.short, pair.long)), 15)
        waits = alarm_waits(pair)
        fires = []
        for seconds in (outage.seconds - every_seconds, outage.seconds):
            later = -(pair.long + seconds) % waits // every_seconds
            series = attempts(f"_x{later} 0+1x{before + after}", f"_x{later} 0+1x{before} {before}x{after - 1}")
            minute = (later * every_seconds + pair.long + seconds) / 60
            fired = firing(
                chosen, outage.alert, series, [minute], tmp_path, every_seconds=every_seconds, evaluated_seconds=waits, groups=(sli, alerting)
            )
            fires.append(first_minute(fired) == minute)
        assert fires == [False, True], outage


def test_the_documentation_has_that_table() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")


def test_what_a_page_says(tmp_path: Path) -> None:
    failures = {f'{own.PROBE_FAILURES.name}{labels()[:-1]},reason="connect"}}': "0x399 0+1x80"}
    info = {f'{own.TARGET_INFO.name}{labels()[:-1]},url="http://vllm:8000"}}': "1x480"}
    words = {f'{own.LAST_FAILURE.name}{labels()[:-1]},reason="connect",detail="refused by 10.0.0.7"}}': "7195x480"}
    fired = firing(config(), FAST, attempts("0+1x480", "0+1x400 400x80") | failures | info | words, [120], tmp_path)
    ((alert,),) = fired.values()
    assert alert.labels == {
        "job": "chatprobe",
        "target": "vllm",
        "backend": "vllm",
        "model": "tiny",
        "scenario": "heartbeat",
        "slo": "available",
        "severity": "critical",
        "short_window": "5m",
        "long_window": "1h",
        "exhaustion": "2.1d",
        "sloth_id": "chatprobe-available",
        "sloth_service": "chatprobe",
        "sloth_slo": "available",
    }
    assert alert.annotations == {
        "summary": "vllm burns its error budget for available",
        "description": "100% of the chats with vllm (tiny) in the last 5m were bad, and more than 14.4% of those in the last 1h "
        "(80 of 240 chats). A good one succeeds. 80 failed. The most frequent failure in 1h: connect. "
        "1% may be bad: at 14.4 times that, the budget of 30d is gone in 2.1d. "
        "The last failure: connect, refused by 10.0.0.7. The engine: http://vllm:8000.",
        "runbook_url": "https://github.com/chatprobe/chatprobe/blob/main/docs/runbooks/LLMBudgetBurnFast.md",
        "dashboard": f"/d/{LINKED}",
        "dashboard_url": f"http://127.0.0.1:3000/d/{LINKED}",
    }


SLOW_SLO = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 15s, timeout: 30s}}
slos: {available: {scenario: heartbeat, objective: 99%, ttft: 500ms}}
alerts: {evaluation_interval: 15s, scrape_interval: 15s}
"""


def slow_chats(limit: str = "1") -> dict[str, str]:
    """TTFT of a hundred minutes: all within 0.5 s but for the last twenty, when all are between 0.75 and 1 s."""
    told = {f'{own.TTFT.bucket}{labels()[:-1]},le="{bound}"}}': "0+1x320 320x80" for bound in ("0.5", "0.75")}
    return told | {f'{own.TTFT.bucket}{labels()[:-1]},le="{bound}"}}': "0+1x400" for bound in (limit, "+Inf")}


def test_a_page_for_slow_chats_says_so_and_by_how_much(tmp_path: Path) -> None:
    ((alert,),) = firing(config(SLOW_SLO), FAST, attempts("0+1x400", "0+1x320 320x80") | slow_chats(), [100], tmp_path).values()
    assert (
        "(80 of 240 chats). A good one succeeds with TTFT at most 500 ms. 80 were too slow. TTFT of 99%: up to 992.5ms, and 0.5s is good. 1% may"
        in (alert.annotations["description"])
    )


def test_a_page_tells_chats_that_failed_from_those_that_were_slow_or_not_sent(tmp_path: Path) -> None:
    failures = {f'{own.PROBE_FAILURES.name}{labels()[:-1]},reason="stalled"}}': "0x320 0+1x40 40x40"}
    skips = {f'{own.PROBE_SKIPPED.name}{labels()[:-1]},reason="breaker"}}': "0x320 0+1x20 20x60"}
    ((alert,),) = firing(config(SLOW_SLO), FAST, attempts("0+1x400", "0+1x320 320x80") | failures | skips, [100], tmp_path).values()
    assert (
        " 40 failed. The most frequent failure in 1h: stalled. 20 were not sent, as the engine did not answer those before. 20 were too slow. "
        in alert.annotations["description"]
    )


def test_a_page_says_where_it_speaks_of_more_time_than_was_measured(tmp_path: Path) -> None:
    young = attempts("_x320 0+1x80", "_x320 0x80")
    ((alert,),) = firing(config(), FAST, young, [100], tmp_path).values()
    assert "(80 of 80 chats). There are measurements of the last 20m 0s only. A good one" in alert.annotations["description"]
    old = firing(config(), FAST, attempts("0+1x480", "0+1x400 400x80"), [120], tmp_path)[120]
    assert "There are measurements" not in old[0].annotations["description"]


def test_the_fast_page_ends_soon_after_the_trouble(tmp_path: Path) -> None:
    """Twenty minutes of failures, then all is well: the short window has forgotten after 5 minutes, and the alert goes on for 2 more."""
    series = attempts("0+1x1000", "0+1x400 400x80 401+1x519")
    fired = firing(config(), FAST, series, [115, 120, 124, 130, 140, 200], tmp_path)
    assert [bool(alerts) for alerts in fired.values()] == [True, True, True, False, False, False]


def paging(chosen: Config) -> tuple[Group, Group]:
    """What the alerts that page need, and nothing that looks back further."""
    (objective,) = objectives(chosen)
    alarms = tuple(alarm for alarm in objective.alarms if alarm.pair.pages)
    sli, _, _, alerting = groups(replace(objective, alarms=alarms, windows=recorded(tuple(alarm.pair for alarm in alarms))), 15)
    return sli, alerting


def test_one_bad_moment_pages_nobody(tmp_path: Path) -> None:
    for every_seconds in INTERVALS:
        chosen = configured("99.9%", every_seconds)
        before, after = 6 * 3600 // every_seconds, 3600 // every_seconds
        series = attempts(f"0+1x{before + after}", f"0+1x{before} {before}x1 {before + 1}+1x{after - 2}")
        minutes = [360 + minute for minute in range(0, 60, 2)]
        fired = firing_together(chosen, [FAST, SLOW], series, minutes, tmp_path, every_seconds=every_seconds, groups=paging(chosen))
        assert [first_minute(each) for each in fired] == [None, None], every_seconds


def test_without_the_guard_one_failed_chat_a_minute_would_page(tmp_path: Path) -> None:
    """Why the guard is there: 1/60 is more than 14.4 x 0.1 %."""
    chosen = configured("99.9%", 60)
    unguarded = chosen.model_copy(update={"alerts": chosen.alerts.model_copy(update={"low_volume": "warn"})})
    series = attempts("0+1x180", "0+1x120 120x1 121+1x58")
    for used, pages in ((unguarded, True), (chosen, False)):
        fired = firing(used, FAST, series, [123, 124], tmp_path, every_seconds=60, groups=paging(used))
        assert (first_minute(fired) is not None) == pages


def test_each_target_has_a_burn_rate_of_its_own(tmp_path: Path) -> None:
    series = attempts("0+1x480", "0+1x480", "tgi") | attempts("0+1x480", "0+1x400 400x80")
    ((alert,),) = firing(config(), FAST, series, [118], tmp_path).values()
    assert alert.labels["target"] == "vllm"
    burning = values(config(), f"{CURRENT_BURN_RATE} > 1", series, [118], tmp_path)[118]
    assert len(burning) == 1
    assert 'target="vllm"' in next(iter(burning))


def test_counters_that_begin_anew_are_no_failures(tmp_path: Path) -> None:
    """The exporter restarts in the middle of an hour without a failure."""
    series = attempts("0+1x400 0+1x200", "0+1x400 0+1x200")
    assert first_minute(firing(config(), FAST, series, range(95, 150), tmp_path)) is None
    assert all(max(found.values()) == 0 for found in values(config(), SLI_ERROR.format(window="1h"), series, [101, 105, 140], tmp_path).values())


def test_an_idle_window_leaves_no_nan_behind(tmp_path: Path) -> None:
    """Two hours with failures of one in ten, two idle ones, two good ones: the budget of the period stays a number, and is right."""
    bad = " ".join(f"{9 * ten}+1x8 {9 * ten + 9}" for ten in range(48))
    series = attempts("0+1x479 480x480 481+1x479", f"{bad} 432x480 433+1x479")
    ratio = values(config(), SLI_ERROR.format(window="30d"), series, [119, 200, 239, 355], tmp_path)
    assert all(math.isfinite(value) for found in ratio.values() for value in found.values())
    assert [round(value, 3) for found in ratio.values() for value in found.values()] == [
        pytest.approx(0.1, abs=0.004),
        pytest.approx(0.1, abs=0.004),
        pytest.approx(0.1, abs=0.004),
        pytest.approx(0.05, abs=0.004),
    ]
    idle = values(config(), f"{SLI_ERROR.format(window='5m')} or {CURRENT_BURN_RATE}", series, [200], tmp_path)
    assert idle == {200: {}}


def test_the_period_weighs_attempts_alike(tmp_path: Path) -> None:
    """A busy good hour (a chat a second) and a quiet bad one (one a minute): Sloth's mean of five-minute ratios would say a half."""
    quiet_total = " ".join(f"{3600 + minute}x3" for minute in range(60))
    series = attempts(f"0+15x239 {quiet_total}", "0+15x239 3600x239")
    found = values(config(), SLI_ERROR.format(window="30d"), series, [119], tmp_path)[119]
    assert next(iter(found.values())) == pytest.approx(60 / 3660, rel=0.15)


def test_budget_and_burn_rates(tmp_path: Path) -> None:
    """One in a hundred is bad where one may be: the budget burns exactly as fast as it may, and of what has passed nothing is left."""
    series = attempts("0+100x200", "0+99x200")
    expected = (
        (CURRENT_BURN_RATE, 1.0),
        (PERIOD_BURN_RATE, 1.0),
        (BUDGET_REMAINING, 0.0),
        ("slo:objective:ratio", 0.99),
        ("slo:time_period:days", 30),
    )
    for name, value in expected:
        found = values(config(), name, series, [48], tmp_path)[48]
        assert list(found.values()) == [pytest.approx(value, abs=1e-9)], name


ONE_DAY = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 6s}}
slos: {available: {scenario: heartbeat, objective: 99%, window: 1d}}
alerts: {evaluation_interval: 1m, scrape_interval: 1m}
"""


def test_an_exhausted_budget_is_told_when_a_whole_periods_is_spent_and_ends(tmp_path: Path) -> None:
    """Ten chats a minute, of which a day's budget lets 144 fail. One a minute fails for 200 minutes: ten times what may be."""
    fired = firing(
        config(ONE_DAY),
        "LLMErrorBudgetExhausted",
        attempts("0+10x1700", "0+9x200 1810+10x1499"),
        [30, 140, 160, 1430, 1530],
        tmp_path,
        every_seconds=60,
    )
    assert [bool(alerts) for alerts in fired.values()] == [False, False, True, True, False]
    ((alert,), (late,)) = [alerts for alerts in fired.values() if alerts]
    assert alert.labels["severity"] == "info"
    assert re.fullmatch(
        r"vllm \(tiny\) has spent 1\.1\d* times its error budget of 1d: more was bad than the 1% that may be\. "
        r"There are measurements of the last 2h [34]\dm 0s only\. Changes that can wait should wait\.",
        alert.annotations["description"],
    ), alert.annotations["description"]
    assert "There are measurements" not in late.annotations["description"]


def test_a_budget_that_is_kept_is_not_told_of(tmp_path: Path) -> None:
    assert first_minute(firing(config(), "LLMErrorBudgetExhausted", attempts("0+1000x200", "0+995x200"), range(0, 50), tmp_path)) is None


def test_an_slo_without_series_is_told_of(tmp_path: Path) -> None:
    other = attempts("0+1x200", "0+1x200", slo="another")
    fired = firing(config(), "LLMSLOAbsent", other, [9, 10, 20], tmp_path)
    assert [bool(alerts) for alerts in fired.values()] == [False, True, True]
    assert fired[10][0].labels == {"slo": "available", "severity": "warning"}
    assert first_minute(firing(config(), "LLMSLOAbsent", attempts("0+1x200", "0+1x200"), range(0, 49), tmp_path)) is None
    back = attempts("_x100 0+1x100", "_x100 0+1x100")
    assert [bool(alerts) for alerts in firing(config(), "LLMSLOAbsent", back, [20, 26, 40], tmp_path).values()] == [True, False, False]


def test_a_slow_burn_writes_a_ticket_and_pages_nobody(tmp_path: Path) -> None:
    """Two bad ones in a hundred for four days, where one may be."""
    series = attempts("0+100x1200", "0+98x1200")
    chosen = parse(
        """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {rate: 400/h}}
slos: {available: {scenario: heartbeat, objective: 99%}}
alerts: {evaluation_interval: 2m}
"""
    ).config
    waits = max(alarm_waits(alarm.pair) for alarm in objectives(chosen)[0].alarms if not alarm.pair.pages)
    fired = firing(chosen, TICKET, series, [4 * 1440], tmp_path, every_seconds=300, evaluated_seconds=waits)
    ((alert,),) = fired.values()
    assert (alert.labels["short_window"], alert.labels["long_window"], alert.labels["severity"]) == ("6h", "3d", "warning")
    pages = firing_together(chosen, [FAST, SLOW], series, range(0, 1900, 30), tmp_path, every_seconds=300, groups=paging(chosen))
    assert [first_minute(each) for each in pages] == [None, None]
    healthy = attempts("0+100x1200", "0+99.5x1200")
    assert first_minute(firing(chosen, TICKET, healthy, range(0, 5900, 60), tmp_path, every_seconds=300, evaluated_seconds=waits)) is None


SLOTH_RECORDS = [
    *(f"slo:sli_error:ratio_rate{window}" for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")),
    "slo:objective:ratio",
    "slo:error_budget:ratio",
    "slo:time_period:days",
    "slo:current_burn_rate:ratio",
    "slo:period_burn_rate:ratio",
    "slo:period_error_budget_remaining:ratio",
    "sloth_slo_info",
]
"""What Sloth 0.12 records for each SLO, but for the ratio of the period."""


@pytest.mark.parametrize(("window", "period"), [("30d", "30d"), ("28d", "4w")])
def test_all_that_sloth_generates(window: str, period: str) -> None:
    text = f"""
targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:8000"}}}}
scenarios: {{heartbeat: {{every: 15s}}}}
slos: {{available: {{scenario: heartbeat, objective: 99.9%, window: {window}}}}}
"""
    (objective,) = objectives(parse(text).config)
    made = groups(objective, 30)
    recordings = [rule for group in made for rule in group.rules if isinstance(rule, Recording)]
    assert sorted(rule.name for rule in recordings) == sorted([*SLOTH_RECORDS, f"slo:sli_error:ratio_rate{period}", PERIOD_MEASURED])
    for rule in recordings:
        assert rule.labels.items() >= {"sloth_id": "chatprobe-available", "sloth_service": "chatprobe", "sloth_slo": "available"}.items()
        assert rule.name.startswith("slo:sli_error:") == ("sloth_window" in rule.labels)
        if "sloth_window" in rule.labels:
            assert rule.name == f"slo:sli_error:ratio_rate{rule.labels['sloth_window']}"
    by_name = {rule.name: rule for rule in recordings}
    assert by_name["slo:error_budget:ratio"].expr == "vector(0.001)"
    assert by_name["slo:objective:ratio"].expr == "vector(0.999)"
    assert by_name["slo:time_period:days"].expr == f"vector({window[:-1]})"
    assert by_name["sloth_slo_info"].labels["sloth_objective"] == "99.9"
    thresholds = {"30d": ["0.0144", "0.006", "0.003", "0.001"], "28d": ["0.01344", "0.0056", "0.0028", "0.000933333333333"]}[window]
    burns = [rule for group in made for rule in group.rules if isinstance(rule, Alert) and rule.name in BURN.values()]
    assert [(rule.labels["short_window"], rule.labels["long_window"]) for rule in burns] == [("5m", "1h"), ("30m", "6h"), ("2h", "1d"), ("6h", "3d")]
    for burn, threshold in zip(burns, thresholds, strict=True):
        for name in ("short_window", "long_window"):
            ratio = SLI_ERROR.format(window=burn.labels[name])
            assert f'max without (sloth_window) ({ratio}{{sloth_id="chatprobe-available"}} > {threshold})' in burn.expr
    assert len({rule.name for rule in burns if rule.severity == "critical"} & {rule.name for rule in burns if rule.severity == "warning"}) == 0


def test_what_is_recorded_is_what_sloth_would_record(tmp_path: Path) -> None:
    """Sloth's own expression, error ÷ total of a window, beside the recorded one, of a target that fails now and then."""
    series = attempts("0+7x400", "0+6x150 900+7x50 1251+5x198")
    for window in ("5m", "30m", "1h"):
        slo = '{slo="available"}'
        sloth = (
            f"(sum by (target) (rate(chatprobe_slo_total{slo}[{window}])) - sum by (target) (rate(chatprobe_slo_good_total{slo}[{window}])))"
            f" / sum by (target) (rate(chatprobe_slo_total{slo}[{window}]))"
        )
        ours = f"max by (target) ({SLI_ERROR.format(window=window)})"
        compared = values(config(), f"abs({sloth} - {ours})", series, [20, 40, 45, 90], tmp_path)
        assert all(list(found.values()) == [pytest.approx(0, abs=1e-12)] for found in compared.values())


@given(st.integers(1, 99_999_999))
def test_objectives_stand_in_rules_as_they_were_written(millionths: int) -> None:
    share = Decimal(millionths) / 100_000_000
    text = f"""
targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:8000"}}}}
scenarios: {{heartbeat: {{every: 1s}}}}
slos: {{available: {{scenario: heartbeat, objective: {write_share(share)}}}}}
"""
    (objective,) = objectives(parse(text).config)
    vectors = {rule.name: rule.expr for group in groups(objective, 30) for rule in group.rules if isinstance(rule, Recording)}
    assert Decimal(vectors["slo:objective:ratio"].removeprefix("vector(").removesuffix(")")) == share
    assert Decimal(vectors["slo:error_budget:ratio"].removeprefix("vector(").removesuffix(")")) == 1 - share


def test_every_boundary_that_rules_name_is_one_that_is_served() -> None:
    """`le` in a rule selects a bucket that the exporter has, written with and without .0."""
    text = (
        'targets: {vllm: {backend: vllm, url: "http://v"}}\nscenarios: {beat: {every: 15s}}\nslos: {s: {scenario: beat, ttft: 90s, objective: 99%}}\n'
    )
    chosen = parse(text).config
    found = 0
    for group in rules(chosen).groups:
        for rule in group.rules:
            for name, bound in re.findall(r'(\w+)_bucket\{[^}]*le=~"([^"]*)"', rule.expr):
                metric = next(metric for metric in own.CATALOGUE if metric.name == name)
                bounds = (*metric.bounds, 90) if metric is own.TTFT else metric.bounds
                matching = [each for each in bounds if re.fullmatch(bound, str(float(each))) and re.fullmatch(bound, f"{each:g}")]
                assert len(matching) == 1, (name, bound)
                found += 1
    assert found >= 5


def test_an_outage_that_was_told_of_does_not_page_again_when_it_is_over(tmp_path: Path) -> None:
    """Half an hour without an answer, then all is well: `LLMTargetDown` paged, and the windows still remember, but nobody is woken again."""
    up = labels().replace(',slo="available"', "")
    gauges = {
        f"{own.PROBES.name}{up}": "0+1x920",
        f"{own.PROBE_SUCCESS.name}{up}": "1x400 0x120 1x400",
        f"{own.LAST_PROBE.name}{up}": "0+15x920",
        f"{own.LAST_SUCCESS.name}{up}": "0+15x400 6000x120 7815+15x400",
        f'{own.SCENARIO_INTERVAL.name}{{job="chatprobe",scenario="heartbeat"}}': "15x920",
        f'{own.SCENARIO_TIMEOUT.name}{{job="chatprobe",scenario="heartbeat"}}': "30x920",
    }
    series = attempts("0+1x921", "0+1x400 400x120 401+1x400") | gauges
    made = rules(config())
    evaluated = (*made.recordings, *[group for group in made.alerts if group.name == "chatprobe-targets"], *paging(config()))
    minutes = [95, 103, 105, 110, 120, 130, 132, 134, 140, 150, 159]
    down, fast, slow = (
        [bool(alerts) for alerts in fired.values()]
        for fired in firing_together(config(), [DOWN, FAST, SLOW], series, minutes, tmp_path, groups=evaluated)
    )
    assert down == [False, True, True, True, True, True, False, False, False, False, False]
    assert not any(fast)
    assert not any(slow)


def test_one_bad_chat_of_a_young_target_pages_nobody(tmp_path: Path) -> None:
    """Windows that are not full yet have few chats, and one of them is a large share."""
    chosen = configured("99.9%", 15)
    series = attempts("0+1x200", "0+1x20 20+1x179")
    fired = firing_together(chosen, [FAST, SLOW], series, range(0, 50), tmp_path, groups=paging(chosen))
    assert [first_minute(each) for each in fired] == [None, None]


def test_the_slow_page_does_not_repeat_the_fast_one(tmp_path: Path) -> None:
    """Twenty minutes in which half of the chats are bad: the six hours remember it when the fast page is over."""
    bad = " ".join(f"{1440 + cycle}x1" for cycle in range(40))
    series = attempts("0+1x1760", f"0+1x1440 {bad} 1480+1x239")
    chosen = configured("99.5%", 15)
    fast, slow = firing_together(chosen, [FAST, SLOW], series, range(360, 440), tmp_path, groups=paging(chosen))
    assert first_minute(fast) is not None
    assert first_minute(slow) is None


def test_an_engine_that_is_down_now_and_then_pages(tmp_path: Path) -> None:
    """Every other minute nothing works: too short for `LLMTargetDown`, which therefore silences nothing."""
    up = labels().replace(',slo="available"', "")
    good, bad = "1x3 " * 50, "0x3 " * 50
    flapping = " ".join(part for pair in zip(good.split(), bad.split(), strict=True) for part in pair)
    counted = " ".join(f"{400 + 4 * cycle}+1x3 {403 + 4 * cycle}x3" for cycle in range(50))
    gauges = {f"{own.PROBE_SUCCESS.name}{up}": f"1x400 {flapping}", f"{own.LAST_PROBE.name}{up}": "0+15x800"}
    fired = firing(config(), FAST, attempts("0+1x800", f"0+1x399 {counted}") | gauges, [150, 160], tmp_path)
    assert all(fired.values())
