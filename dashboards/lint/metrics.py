"""What is asked for: metrics that exist, labels that they have, counters as rates, and of what the reader chose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from promql_parser import AggregateExpr, BinaryExpr, Expr, VectorSelector

from dashboards.lint import tree
from dashboards.lint.finding import Finding
from dashboards.lint.labels import possible
from dashboards.lint.page import RANGE_SECONDS, RATE_INTERVAL_SECONDS, Page, Panel, Target
from dashboards.lint.series import SCRAPED, find

_RATES = ("rate", "irate", "increase", "resets")
_EXISTENCE = ("absent", "absent_over_time", "present_over_time", "changes", "count_over_time", "timestamp")
"""What may be asked of a counter without its rate: whether and when it is there."""
_COUNTED = ("count", "group")
_IN_LEGEND = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_VALUE = re.compile(r"Value( #.+)?|Time")


def check(page: Page) -> Iterator[Finding]:
    for panel, target in page.targets:
        expr = page.read(target.expr)
        if expr is None:
            yield page.find(f"it is not PromQL: {' '.join(target.expr.split())}", "correct the query", panel)
            continue
        wrong = [*_of_query(expr), *_of_panel(target, expr)] or [*_shown(target, expr)]
        yield from (page.find(what, remedy, panel) for what, remedy in wrong)
    for panel in page.panels:
        if panel.kind == "table":
            yield from _columns(page, panel)
    for where, query in _elsewhere(page):
        expr = page.read(query)
        if expr is None:
            yield page.find(f"{where} is not PromQL: {query}", "correct it")
        else:
            yield from (page.find(f"{where}: {what}", remedy) for what, remedy in _of_query(expr))


def _elsewhere(page: Page) -> Iterator[tuple[str, str]]:
    """The queries of annotations, and what the values of variables are taken from, of which only its presence counts."""
    for annotation in page.annotations:
        yield f"annotation {annotation['name']!r}", annotation.get("expr", "")
    for variable in page.variables:
        if variable["type"] == "query":
            definition = variable.get("definition", "")
            asked = re.fullmatch(r"label_values\((.+), *\w+\)", definition, re.DOTALL)
            yield f"variable {variable['name']!r}", f"count({asked[1]})" if asked else definition


def _of_query(expr: Expr) -> Iterator[tuple[str, str]]:
    """What is wrong, and its remedy."""
    for node, way in tree.visits(expr):
        match node:
            case VectorSelector():
                yield from _of_selector(node, way)
            case AggregateExpr():
                if node.modifier is not None:
                    yield from _absent(node.modifier.labels, node.expr, f"`{node.op}` names")
            case BinaryExpr():
                if node.modifier is not None and node.modifier.matching is not None:
                    for side in (node.lhs, node.rhs):
                        yield from _absent(node.modifier.matching.labels, side, f"`{node.op}` matches by")


def _of_selector(selector: VectorSelector, way: tree.Way) -> Iterator[tuple[str, str]]:
    name = tree.name(selector)
    series = find(name)
    if series is None:
        shown = f"`{name}`" if name else f"a selector without a metric, `{selector}`,"
        yield (
            f"{shown} is no metric of the catalogue, and none that is recorded",
            "take the name from `catalogue.own` or `alerts.recordings`, or put it on the list in `dashboards/lint/foreign.py`",
        )
        return
    for matcher in selector.matchers.matchers:
        if series.labels is not None and matcher.name not in series.labels and matcher.name != "__name__":
            yield f"`{name}` has no label `{matcher.name}`", f"select by one of {', '.join(sorted(series.labels))}"
    function, _ = tree.call_over(way)
    if series.kind == "counter" and function not in (*_RATES, *_EXISTENCE) and not _only_there(way):
        yield f"`{name}` is a counter, and is shown as it is", "take its `rate` or `increase`, as it begins at 0 whenever the exporter does"
    if series.kind != "counter" and function in ("rate", "irate", "increase"):
        yield f"`{name}` is no counter, and `{function}` is taken of it", "take `deriv` or `delta`, or none where it is a rate already"


def _of_panel(target: Target, expr: Expr) -> Iterator[tuple[str, str]]:
    """What holds for panels alone: they ask for what the reader chose, and their rates follow the time range that is shown."""
    ranges = {RATE_INTERVAL_SECONDS, *((RANGE_SECONDS,) if target.raw.get("instant") else ())}
    for selector, way in tree.selectors(expr):
        name, (function, over) = tree.name(selector), tree.call_over(way)
        if (series := find(name)) is None:
            continue
        for label in SCRAPED:
            if series.chosen_by(label) and not tree.has_variable(selector, label):
                yield f'`{name}` without {label}=~"${label}"', "select with `promql.select` or `promql.matchers`"
        if function in ("rate", "irate") and over is not None and over.total_seconds() not in ranges:
            yield (
                f"`{function}` of `{name}` over a range of its own",
                "take it over `$__rate_interval`, or ask what is recorded; one value of all that is shown may be over `$__range`",
            )


def _only_there(way: tree.Way) -> bool:
    """Whether only the presence of a series is looked at."""
    above = next((node for node in reversed(way) if not isinstance(node, BinaryExpr)), None)
    if isinstance(above, AggregateExpr):
        return str(above.op) in _COUNTED
    return getattr(getattr(above, "func", None), "name", "") in _EXISTENCE


def _absent(named: list[str], expr: Expr, how: str) -> Iterator[tuple[str, str]]:
    has = possible(expr)
    if not has:  # any label may be there, or it is a number without labels
        return
    for label in named:
        if label not in has:
            yield f"{how} a label `{label}` that is not there: `{_short(expr)}`", f"name one of {', '.join(sorted(has))}"


def _shown(target: Target, expr: Expr) -> Iterator[tuple[str, str]]:
    """Labels that the legend names and the answer does not have."""
    has = possible(expr)
    if has is None:
        return
    there = f"name one of {', '.join(sorted(has))}" if has else "the answer has no labels: leave it out"
    named = _IN_LEGEND.findall(target.raw.get("legendFormat", ""))
    yield from ((f"the legend names a label `{name}` that is not there", there) for name in named if name not in has)


def _columns(page: Page, panel: Panel) -> Iterator[Finding]:
    """Columns of a table that none of its queries gives: their rows are merged by the labels that they have in common."""
    asked = [possible(expr) for target in panel.targets if (expr := page.read(target.expr)) is not None]
    has = frozenset(label for labels in asked for label in labels or ())
    kept = (each["options"]["include"]["names"] for each in panel.raw.get("transformations", []) if each["id"] == "filterFieldsByName")
    for name in (name for names in kept for name in names if not _VALUE.fullmatch(name)):
        if name not in has and None not in asked:
            yield page.find(f"column `{name}` is in no answer", f"name one of {', '.join(sorted(has))}", panel)


def _short(expr: Expr) -> str:
    text = " ".join(str(expr).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
