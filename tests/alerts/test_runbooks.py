"""docs/runbooks has a page for each alert, and what the pages say is so: limits, metrics, queries, commands, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path

import promql_parser as promql
import pytest

from alerts.recordings import SHARED
from alerts.rule import Alert, Recording
from alerts.rules import Rules, rules
from alerts.slos import BURN
from alerts.windows import DAY, Severity, pairs, written
from catalogue.own import CATALOGUE, FAILURE_REASONS, SKIP_REASONS
from config.reader import parse
from dashboards.boards import BOARDS
from tests.alerts.expressions import names, numbers, thresholds
from tests.docs.pages import Page, without_code
from tests.exporter.native import recorded as recorded_pages

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "runbooks"
INDEX = Page(FOLDER / "README.md")
SCREEN_LINES = 60
OF_PROMETHEUS = frozenset({"up", "process_cpu_seconds_total"})
UNITS = {"": 1.0, "%": 0.01, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_STATED = re.compile(r"(?<![\w.])(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|[smhdw%])?(?![\w])")
_METRIC = re.compile(r"(?:chatprobe|tgi)_[a-z0-9_]+\*?|(?:vllm|target|slo):[a-z0-9_:]+\*?")


@cache
def made() -> Rules:
    """The rules of the default preset, which are those that are checked in."""
    return rules(parse((resources.files("config") / "default.yaml").read_text(encoding="utf-8")).config)


@cache
def alerts() -> dict[str, tuple[Alert, ...]]:
    """The alerting rules by name: one name may have several."""
    found = [rule for group in made().groups for rule in group.rules if isinstance(rule, Alert)]
    return {name: tuple(rule for rule in found if rule.name == name) for name in dict.fromkeys(rule.name for rule in found)}


ALERTS = sorted(alerts())
EVERY_PAGE = [INDEX, *(Page(FOLDER / f"{name}.md") for name in ALERTS)]
every_alert = pytest.mark.parametrize("name", ALERTS)
every_page = pytest.mark.parametrize("page", EVERY_PAGE, ids=lambda page: page.path.stem)


def page_of(name: str) -> Page:
    return Page(FOLDER / f"{name}.md")


@cache
def metrics() -> frozenset[str]:
    """The names of every series that there may be: ours, recorded ones, and the engines' own."""
    ours = {metric.name for metric in CATALOGUE}
    ours |= {f"{metric.name}_{part}" for metric in CATALOGUE if metric.type == "histogram" for part in ("bucket", "sum", "count")}
    recorded = {rule.name for group in made().groups for rule in group.rules if isinstance(rule, Recording)}
    engines = {
        found
        for file in recorded_pages.FOLDER.glob("*/metrics-*.txt")
        for found in re.findall(rf"^(?:# TYPE )?((?:{'|'.join(recorded_pages.PREFIXES)})\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    return frozenset(ours | recorded | engines | OF_PROMETHEUS)


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.md") if path != INDEX.path) == ALERTS


@every_alert
def test_a_page_begins_with_what_the_rule_is(name: str) -> None:
    (facts,) = {_facts(rule) for rule in alerts()[name]}
    assert page_of(name).text.startswith(f"# {name}\n\n{facts}\n\n**Fires when** ")


@every_alert
def test_a_page_is_a_screen_with_the_same_parts(name: str) -> None:
    text = page_of(name).text
    assert len(text.splitlines()) <= SCREEN_LINES
    assert re.findall(r"^(?:## .+|\*\*(?:Fires when|Users)\*\*)", text, re.MULTILINE) == [
        "**Fires when**",
        "**Users**",
        "## Look",
        "## What it can be",
        "## When it ends",
    ]


@every_alert
def test_the_numbers_of_when_it_fires_are_those_of_the_rule(name: str) -> None:
    stated, limits = _stated(name), _limits(name)
    assert stated <= limits | _all_numbers(name)
    assert limits <= stated


def test_a_number_that_is_not_the_rules_is_found() -> None:
    assert _numbers_in("more than 5% in 10m, and 3 at least, for more than 2s; `ignored 7`") == {0.05, 600.0, 3.0, 2.0}
    assert thresholds("a > 0.05\nand\n(b) > 2.5") == {0.05, 3.0}
    assert thresholds("(a - time()) < 14 * 86400") == {14.0 * 86400}
    assert numbers(promql.parse('rate(a{le=~"60([.]0)?"}[5m] offset 1w) > 2.5')) == {60.0, 300.0, 604800.0, 3.0}


def test_the_index_lists_each_alert_under_its_severity() -> None:
    listed = [
        (name, severity)
        for severity, rows in re.findall(r"^## [^`\n]+`(\w+)`\n(.*?)(?=^## |\Z)", INDEX.text, re.MULTILINE | re.DOTALL)
        for name in re.findall(r"^\| \[(\w+)\]\(\1\.md\) \|", rows, re.MULTILINE)
    ]
    assert sorted(listed) == [(name, alerts()[name][0].severity.value) for name in ALERTS]
    assert list(dict.fromkeys(severity for _, severity in listed)) == [severity.value for severity in Severity]


@every_page
def test_queries_parse_and_name_only_metrics_that_there_are(page: Page) -> None:
    for query in page.blocks("promql"):
        assert names(promql.parse(query)) <= metrics(), query


@every_page
def test_metrics_in_the_text_are_there(page: Page) -> None:
    unknown = {
        metric
        for span in page.spans
        for metric in _METRIC.findall(span)
        if not any(known == metric or (metric.endswith("*") and known.startswith(metric[:-1])) for known in metrics())
    }
    assert unknown == set()


@every_alert
def test_panels_are_on_the_dashboard_that_opens(name: str) -> None:
    there = {(board.uid.value, panel.title) for board in BOARDS for panel in board.panels}
    for panel in re.findall(r"panel \*([^*]+)\*", page_of(name).text):
        assert (_uid(alerts()[name][0]), panel) in there


@every_page
def test_reasons_are_explained(page: Page) -> None:
    said = {span for span in page.spans if "_" in span}
    if said & set(FAILURE_REASONS):
        assert "../definitions.md#failures" in page.links
    if said & set(SKIP_REASONS):
        assert "../definitions.md#what-counts-for-an-slo" in page.links


def _facts(rule: Alert) -> str:
    ends = f"{written(rule.keep_seconds)} after" if rule.keep_seconds else "with"
    return f"`{rule.severity.value}` · fires after {written(rule.for_seconds)} · ends {ends} its cause · dashboard `{_uid(rule)}`"


def _uid(rule: Alert) -> str:
    return rule.dashboard.removeprefix("/d/").partition("?")[0]


def _stated(name: str) -> set[float]:
    text = page_of(name).text.partition("**Fires when**")[2].partition("\n\n")[0]
    return _numbers_in(text)


def _numbers_in(text: str) -> set[float]:
    return {round(float(match["number"]) * UNITS[match["unit"] or ""], 9) for match in _STATED.finditer(without_code(text))}


def _limits(name: str) -> set[float]:
    """What its line must say: the numbers that the rule compares with. Those of burn rates are multiples of what the SLO allows."""
    burning = [pair for pair in pairs(30 * DAY) if BURN[pair.speed] == name]
    if burning:
        return {float(number) for pair in burning for number in (pair.short, pair.long, pair.factor)}
    return {number for rule in alerts()[name] for number in thresholds(rule.expr)}


def _all_numbers(name: str) -> set[float]:
    """What its line may say: every number of the rule, and of what it is recorded from; of burn rates the window, and when the budget is gone."""
    found = {number for rule in alerts()[name] for text in _with_recordings(rule.expr) for number in numbers(promql.parse(text))}
    if name in BURN.values():
        found |= {30.0 * DAY} | {number for rule in alerts()[name] for number in _numbers_in(rule.labels["exhaustion"])}
    return {round(number, 9) for number in found}


def _with_recordings(expr: str) -> Iterator[str]:
    yield expr
    for shared in SHARED:
        if shared.name in names(promql.parse(expr)):
            yield from _with_recordings(shared.expr)
