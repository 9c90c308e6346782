"""How few chats an alert can be made of, and what is said where that is too few."""

from __future__ import annotations

from decimal import Decimal

import pytest

from alerts.objective import Objective, failures_to_alert, objectives
from alerts.rules import AlertsError, rules
from alerts.windows import DAY, pairs, written
from config.reader import parse


def objective(load: str, share: str, *, window: str = "30d", alerts: str = "{}") -> Objective:
    (found,) = objectives(
        parse(
            f"""
targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:8000"}}}}
scenarios: {{beat: {{{load}, timeout: 10s, first_token_timeout: 10s}}}}
slos: {{available: {{scenario: beat, objective: {share}, window: {window}}}}}
alerts: {alerts}
"""
        ).config
    )
    return found


@pytest.mark.parametrize(
    ("share", "every_seconds", "hour", "six_hours"),
    [
        ("0.99", 172, 4, 8),
        ("0.99", 15, 35, 87),
        ("0.995", 86, 4, 8),
        ("0.999", 60, 1, 3),
        ("0.999", 17, 4, 8),
        ("0.9995", 60, 1, 2),
        ("0.9999", 60, 1, 1),
    ],
)
def test_how_many_failures_it_takes(share: str, every_seconds: int, hour: int, six_hours: int) -> None:
    fast, slow, *_ = pairs(30 * DAY)
    assert [failures_to_alert(pair, 1 - Decimal(share), 1 / every_seconds) for pair in (fast, slow)] == [hour, six_hours]


def test_where_chats_are_many_nothing_is_guarded_and_nothing_is_said() -> None:
    found = objective("every: 15s", "99%")
    assert [alarm.guarded for alarm in found.alarms] == [False] * 4
    assert [written(seconds) for seconds in found.windows] == ["5m", "30m", "1h", "2h", "6h", "1d", "3d"]
    assert (found.notes, found.problems) == ((), ())


def test_a_page_that_one_chat_would_set_off_waits_for_three() -> None:
    found = objective("every: 60s", "99.9%")
    assert [(alarm.failures, alarm.guarded) for alarm in found.alarms] == [(3, True), (3, False), (5, False), (5, False)]
    assert found.notes == ("would page for fewer than 3 failed chats in 1h (about 60 chats); the page waits for 3 (alerts.low_volume: guard)",)


def test_or_it_is_only_said() -> None:
    found = objective("every: 60s", "99.9%", alerts="{low_volume: warn}")
    assert [(alarm.failures, alarm.guarded) for alarm in found.alarms] == [(1, False), (3, False), (5, False), (5, False)]
    assert found.notes == (
        "pages for 1 failed chat in 1h (about 60 chats); chat more often, lower the objective, or write alerts: {low_volume: guard}",
    )


def test_or_refused() -> None:
    found = objective("every: 60s", "99.9%", alerts="{low_volume: refuse}")
    assert found.problems == (
        "would page for 1 failed chat in 1h (about 60 chats); chat more often, lower the objective, or write alerts: {low_volume: guard}",
    )


def test_a_pair_whose_window_has_too_few_chats_is_left_out() -> None:
    found = objective("every: 30m", "95%")
    assert [written(alarm.pair.long) for alarm in found.alarms] == ["6h", "1d", "3d"]
    assert found.notes[0] == "has no alert over 5m and 1h: about 2.0 chats in 1h are too few to tell"


def test_an_objective_beyond_what_the_chats_can_show_is_refused() -> None:
    found = objective("every: 1h", "99.9%")
    assert found.problems == (
        "allows 0.72 bad chats in 30d, of about 720: nothing can be told of so few; chat more often, or write a lower objective or a longer window",
    )


def test_prometheus_that_forgets_after_a_day() -> None:
    found = objective("every: 15s", "99%", alerts="{retention: 1d}")
    assert found.period == DAY
    assert [written(seconds) for seconds in found.windows] == ["5m", "30m", "1h", "6h"]
    assert [alarm.pair.factor for alarm in found.alarms] == [Decimal("14.4"), 6]
    assert found.notes == (
        "its budget is told over 1d, as long as Prometheus keeps samples (alerts.retention), and not over 30d",
        "has no alert over 2h and 1d: Prometheus does not keep samples for twice as long (alerts.retention)",
        "has no alert over 6h and 3d: Prometheus does not keep samples for twice as long (alerts.retention)",
    )


def test_a_short_window_that_has_too_few_scrapes() -> None:
    found = objective("every: 5s", "99%", window="1d")
    assert [written(alarm.pair.short) for alarm in found.alarms] == ["4m", "12m"]
    assert found.notes == (
        "has no alert over 10s and 2m: 10s has fewer than 4 scrapes",
        "has no alert over 1m and 12m: 1m has fewer than 4 scrapes",
        "never pages, whatever happens: no pair of windows that pages can be told for 1d; write a longer window, like 30d",
    )
    assert [written(alarm.pair.short) for alarm in objective("every: 5s", "99%", window="1d", alerts="{scrape_interval: 15s}").alarms] == [
        "1m",
        "4m",
        "12m",
    ]


@pytest.mark.parametrize(
    ("slo", "meaning"),
    [
        ("objective: 99%", "succeeds"),
        ("objective: 99%, ttft: 500ms, tpot: 50ms", "succeeds with TTFT at most 500 ms and TPOT at most 50 ms"),
        ("objective: 99%, e2e: 2s, latency_only: true", "has E2E at most 2 s, however it ends"),
    ],
)
def test_what_is_good_in_words(slo: str, meaning: str) -> None:
    text = f'targets: {{v: {{backend: vllm, url: "http://v"}}}}\nscenarios: {{beat: {{every: 15s}}}}\nslos: {{s: {{scenario: beat, {slo}}}}}\n'
    (found,) = objectives(parse(text).config)
    assert found.meaning == meaning


def test_everything_that_stands_against_rules_is_said_at_once() -> None:
    text = """
targets: {v: {backend: vllm, url: "http://v"}}
scenarios: {beat: {every: 1h}, often: {every: 15s}}
slos:
  a/b: {scenario: often, objective: 99%}
  a-b: {scenario: often, objective: 99%}
  rare: {scenario: beat, objective: 99.99%}
"""
    with pytest.raises(AlertsError) as caught:
        rules(parse(text).config)
    assert caught.value.problems == (
        "slos.rare: allows 0.072 bad chats in 30d, of about 720: nothing can be told of so few; chat more often, or write a lower objective or "
        "a longer window",
        "slos.a-b: is called chatprobe-a-b in rules, as is slos.a/b; give it another name",
    )
