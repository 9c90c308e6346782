"""What the relay serves first is what dashboards show."""

from __future__ import annotations

import re

from catalogue.engines import ENGINE_METRICS
from catalogue.shown import SHOWN
from dashboards.build import build
from probes.numbers.own_metrics import PARTS


def test_the_families_that_dashboards_show_and_no_others_are_served_first() -> None:
    drawn = set(re.findall(r"\b(?:vllm:|tgi_)\w+", "".join(build().values())))
    assert {metric.name for metric in ENGINE_METRICS if any(metric.name + part in drawn for part in ("", *PARTS))} == SHOWN
