"""What the relay serves first, and with buckets, is what dashboards show, and what rules ask for."""

from __future__ import annotations

import re

from alerts.rules import rules
from catalogue.engines import ENGINE_METRICS
from catalogue.shown import SHOWN, SHOWN_BY_BUCKETS
from config.reader import parse
from config.starters import starter
from dashboards.build import build
from probes.numbers.own_metrics import PARTS

PREFIXES = "vllm:|tgi_|sglang:|llamacpp:"


def drawn() -> set[str]:
    made = rules(parse(starter("default")).config)
    texts = [*build().values(), *(rule.expr for group in made.groups for rule in group.rules)]
    return {name for text in texts for name in re.findall(rf"\b(?:{PREFIXES})\w+", text)}


def test_the_families_that_dashboards_show_and_no_others_are_served_first() -> None:
    there = drawn()
    assert {metric.name for metric in ENGINE_METRICS if any(metric.name + part in there for part in ("", *PARTS))} == SHOWN


def test_the_histograms_whose_buckets_dashboards_show_and_no_others_are_served_with_them() -> None:
    there = drawn()
    assert {metric.name for metric in ENGINE_METRICS if metric.type == "histogram" and metric.bucket in there} == SHOWN_BY_BUCKETS
