"""What the chart of chatprobe carries of other rooms."""

from __future__ import annotations

from typing import Any

import yaml

from alerts.forms.rules import document
from alerts.forms.yaml import dump
from alerts.rules import rules
from config.model import Alerts, Config
from config.reader import parse, read
from helm.copies import FILES, ROOT, build, leftovers
from helm.reference.build import HELM


def configured() -> Config:
    """The chart's own configuration, for a namespace."""
    written: dict[str, Any] = yaml.safe_load((HELM / "chatprobe" / "values.yaml").read_text())["config"]
    written["discovery"]["kubernetes"]["namespaces"] = ["llm"]
    del written["targets"]
    return parse(yaml.safe_dump(written, sort_keys=False)).config


def test_they_are_not_stale() -> None:
    built = build()
    stale = [str(path.relative_to(ROOT)) for path, text in built.items() if not path.is_file() or path.read_text() != text]
    assert [*stale, *map(str, leftovers(built))] == [], "make generated"


def test_every_dashboard_is_among_them() -> None:
    there = {file.name for file in (ROOT / "dashboards" / "generated").glob("*.json")}
    assert "chatprobe-overview.json" in there
    assert {file.name for file in (FILES / "dashboards").iterdir()} == there


def test_the_rules_are_those_of_the_charts_own_configuration() -> None:
    config = configured()
    for retention, seconds in (("long", None), ("1d", 86400.0)):
        made = rules(config.model_copy(update={"alerts": Alerts().model_copy(update={"retention_seconds": seconds})}))
        for name, groups in (("recordings", made.recordings), ("alerts", made.alerts), ("slos", made.slos)):
            assert (FILES / "rules" / retention / f"{name}.rules.yaml").read_text() == dump(document(groups, config.alerts)), f"{retention} {name}"


def test_it_chats_as_the_default_preset_does() -> None:
    preset = read([ROOT / "config" / "default.yaml"]).config
    config = configured()
    assert (config.scenarios, config.slos, config.limits) == (preset.scenarios, preset.slos, preset.limits)


def test_what_is_no_longer_there_is_found() -> None:
    built = build()
    gone = next(path for path in built if path.suffix == ".json" and path.parent.name == "dashboards")
    del built[gone]
    assert leftovers(built) == [gone]
