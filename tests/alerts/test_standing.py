"""Alerts of what chatprobe no longer has: they end at once, and those of what it has do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from alerts.rule import Alert
from alerts.rules import rules
from alerts.slos import ABSENT, BURN, EXHAUSTED
from alerts.standing import TOLD_SECONDS
from alerts.windows import MINUTE, Speed
from catalogue import own
from tests.alerts.promtool import CONFIG, Fired, config, firing_together
from tests.alerts.series import GONE, INSTANCE, OK, OTHER_INSTANCE, STALLED, TGI, VLLM, Chat, Gone, Series, chats, series, up

pytestmark = pytest.mark.prometheus

BUDGETS = {BURN[Speed.FAST], BURN[Speed.TICKET], EXHAUSTED}
"""What a fast burn sets off; the slow page is silent while the fast one tells of it."""
SLOS = ("available", "spent")
CONFIGURED = config(
    CONFIG.replace("objective: 99%}", "objective: 99%}, spent: {scenario: heartbeat, objective: 99%, window: 3h}").replace(
        "_interval: 15s", "_interval: 30s"
    )
)
"""One over 30 days, whose windows all alert, and one whose budget is spent soon."""
EVERY = 30
BAD, REST = 25, 20
"""Minutes with a bad chat in two, and those after them."""
CUT = Chat("truncated", e2e=30.0)
FAILS = (CUT, CUT, STALLED, OK)


def judged(story: Sequence[Chat | Gone], target: Mapping[str, str] = VLLM, *, instance: str = INSTANCE, scenario: str = "heartbeat") -> Series:
    """The chats, and what counts of them for the SLO: each that fails is bad."""
    total: list[float | None] = []
    good: list[float | None] = []
    for moment in story:
        if not isinstance(moment, Chat):
            total.append(None)
            good.append(None)
            continue
        total.append((total[-1] or 0.0 if total else 0.0) + 1)
        good.append((good[-1] or 0.0 if good else 0.0) + (moment.reason is None))
    told: Series = dict(chats(story, target=target, instance=instance, scenario=scenario, interval=EVERY, every_seconds=EVERY))
    for slo in SLOS:
        for metric, samples in ((own.SLO_TOTAL, total), (own.SLO_GOOD, good)):
            told |= series(metric, samples, instance=instance, **target, scenario=scenario, slo=slo)
    return told


def exporter(*there: bool | None, instance: str = INSTANCE) -> Series:
    """Whether it can be scraped, a word for each of the two times; None where Prometheus does not know it."""
    minutes = (BAD, REST)
    samples = [each for word, length in zip(there, minutes, strict=True) for each in [word] * round(length * 60 / EVERY)]
    told = up([None if each is None else float(each) for each in samples], instance=instance)
    return told | series(own.SHARDS, [1.0 if each else None for each in samples], instance=instance, shard="1")


def during(minutes: float, *moments: Chat | Gone) -> list[Chat | Gone]:
    """These again and again, one a scrape."""
    return [moments[scrape % len(moments)] for scrape in range(round(minutes * 60 / EVERY))]


def bad(minutes: float = BAD, *moments: Chat) -> list[Chat | Gone]:
    return during(minutes, *(moments or FAILS))


def gone(minutes: float = REST) -> list[Chat | Gone]:
    return during(minutes, GONE)


NAMES = sorted({rule.name for group in rules(CONFIGURED).groups for rule in group.rules if isinstance(rule, Alert)} - {ABSENT})


def firing_at(told: Series, minutes: Sequence[float], folder: Path) -> dict[float, dict[str, list[Fired]]]:
    """What fires then, by its name."""
    found = firing_together(CONFIGURED, NAMES, told, minutes, folder, every_seconds=EVERY, groups=rules(CONFIGURED).groups)
    return {minute: {name: each[minute] for name, each in zip(NAMES, found, strict=True) if each[minute]} for minute in minutes}


def of(fired: Mapping[str, Sequence[Fired]], target: Mapping[str, str] = VLLM) -> set[str]:
    """The alerts on one target by its model."""
    return {name for name, alerts in fired.items() if any(target.items() <= alert.labels.items() for alert in alerts)}


LAST, AFTER = BAD - 0.5, (BAD + 1, BAD + 4, BAD + 12)
"""The last minute with the target, and some after it: in one, four and twelve minutes."""


@pytest.mark.parametrize(
    ("moments", "alerts"),
    [
        (FAILS, BUDGETS | {"LLMFirstTokenButNoCompletion", "LLMStreamStalled"}),
        ((CUT, *[OK] * 8), {BURN[Speed.SLOW], BURN[Speed.TICKET]}),
    ],
    ids=["fast", "slow"],
)
def test_a_target_that_is_taken_out_has_no_alert_a_minute_later(moments: tuple[Chat, ...], alerts: set[str], tmp_path: Path) -> None:
    told = judged(bad(BAD, *moments) + gone()) | judged(bad(BAD + REST, *moments), TGI) | exporter(True, True)
    fired = firing_at(told, (LAST, *AFTER), tmp_path)
    assert alerts <= of(fired[LAST]) == of(fired[LAST], TGI)
    for minute in AFTER:
        assert of(fired[minute]) == set()
        assert of(fired[minute], TGI) >= of(fired[LAST], TGI)


def test_without_a_word_of_shards_too(tmp_path: Path) -> None:
    fired = firing_at(judged(bad() + gone()), (LAST, *AFTER), tmp_path)
    assert [of(fired[minute]) for minute in AFTER] == [set()] * len(AFTER) != [of(fired[LAST])] * len(AFTER)


def test_a_model_that_changes_takes_its_alerts_along(tmp_path: Path) -> None:
    other = {**VLLM, "model": "newer"}
    told = judged(bad() + gone()) | judged(gone(BAD) + during(REST, OK), other) | exporter(True, True)
    fired = firing_at(told, (LAST, *AFTER), tmp_path)
    assert of(fired[LAST]) >= BUDGETS
    assert all(of(fired[minute]) | of(fired[minute], other) == set() for minute in AFTER)


def test_a_scenario_that_is_taken_out_has_no_alert_of_its_own(tmp_path: Path) -> None:
    told = judged(bad() + gone()) | judged(during(BAD + REST, OK), scenario="other") | exporter(True, True)
    fired = firing_at(told, (LAST, *AFTER), tmp_path)
    assert BUDGETS | {"LLMStreamStalled"} <= of(fired[LAST])
    assert all(of(fired[minute]) == set() for minute in AFTER)


@pytest.mark.parametrize("known", [False, None], ids=["cannot be scraped", "is replaced"])
def test_nothing_is_gone_while_nobody_tells_of_it(known: bool | None, tmp_path: Path) -> None:
    told = judged(bad() + gone()) | exporter(True, known)
    fired = firing_at(told, (LAST, *AFTER), tmp_path)
    assert of(fired[LAST]) >= BUDGETS
    assert of(fired[BAD + 1]) >= BUDGETS
    assert TOLD_SECONDS > 12 * MINUTE
    assert EXHAUSTED in of(fired[BAD + 12])


def test_nothing_is_gone_while_a_standby_has_not_taken_over(tmp_path: Path) -> None:
    told = judged(bad() + gone()) | exporter(True, None) | exporter(None, True, instance=OTHER_INSTANCE)
    told |= series(own.LEADER, [None] * (BAD * 2) + [0.0] * (REST * 2), instance=OTHER_INSTANCE)
    fired = firing_at(told, (LAST, BAD + 1), tmp_path)
    assert of(fired[BAD + 1]) >= BUDGETS


def test_what_another_exporter_tells_goes_on(tmp_path: Path) -> None:
    """One that takes over, with counters of its own."""
    told = judged(bad() + gone()) | judged(gone(BAD) + bad(REST), instance=OTHER_INSTANCE)
    told |= exporter(True, None) | exporter(None, True, instance=OTHER_INSTANCE)
    fired = firing_at(told, (LAST, *AFTER), tmp_path)
    assert all(of(fired[minute]) >= BUDGETS for minute in (LAST, *AFTER))


def test_every_alert_on_a_target_says_by_which_labels_it_is_one() -> None:
    """Without them nothing holds it, and it does not end with its target."""
    made = [rule for group in rules(CONFIGURED).groups for rule in group.rules if isinstance(rule, Alert)]
    assert {rule.name for rule in made if not rule.by and (rule.keep_seconds or "$labels.model" in rule.summary + rule.description)} == set()
