"""What the pages on capacity and Kubernetes say in PromQL is about metrics that there are, and Prometheus takes the rules."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from catalogue import own
from tests.alerts.promtool import promtool

DOCS = Path(__file__).parents[2] / "docs"
RULES = (DOCS / "capacity.md").read_text(encoding="utf-8").split("```yaml\n")[1].partition("```")[0]
SERVED = {name for metric in own.CATALOGUE for name in (metric.name, metric.bucket, metric.count, metric.sum)}


@pytest.mark.parametrize("page", ["capacity.md", "kubernetes.md", "operating.md"])
def test_every_metric_that_a_page_names_is_served(page: str) -> None:
    text = re.sub(r"\w+:chatprobe_\w+:\w+", "", (DOCS / page).read_text(encoding="utf-8"))
    named = set(re.findall(r"\bchatprobe_[a-z0-9_]*[a-z0-9]\b(?![.*_])", text))
    assert named
    assert named <= SERVED


def test_each_recording_keeps_what_it_is_named_after() -> None:
    for rule in (rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]):
        kept = re.search(r"sum by \(([^)]*)\)", rule["expr"])
        level = rule["record"].partition(":")[0]
        assert level in ("chatprobe", "backend") or kept is not None
        if "bucket" in rule["record"]:
            assert kept is not None
            assert "le" in kept[1].split(", "), "a quantile cannot be taken of it otherwise"
        if kept is not None:
            assert not {"instance", "pod"} & set(kept[1].split(", ")), "what differs between shards goes"


@pytest.mark.prometheus
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    done = subprocess.run([promtool(), "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
