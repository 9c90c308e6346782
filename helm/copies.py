"""What the charts carry of other rooms, as copies, since a chart reaches nothing outside of its folder: `python -m helm.copies` writes them."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
FILES = ROOT / "helm" / "chatprobe" / "files"
RULES = {"long": ROOT / "alerts" / "generated", "1d": ROOT / "alerts" / "generated" / "one-day"}
"""Where the rules are by the chart's `prometheusRule.retention`."""


def build() -> dict[Path, str]:
    """The text of each file in the chart. Raises `OSError` where one to copy is missing."""
    copies = {FILES / "dashboards" / file.name: file for file in sorted((ROOT / "dashboards" / "generated").glob("*.json"))}
    for retention, folder in RULES.items():
        copies |= {FILES / "rules" / retention / f"{name}.rules.yaml": folder / f"{name}.rules.yaml" for name in ("recordings", "alerts", "slos")}
    return {copy: file.read_text(encoding="utf-8") for copy, file in copies.items()} | {FILES / "rules" / "made-for.json": made_for()}


def made_for() -> str:
    """The SLOs of the chart's values, and the scenarios whose chats they count: the rules of SLOs that it carries are for these."""
    config = yaml.safe_load((FILES.parent / "values.yaml").read_text(encoding="utf-8"))["config"]
    counted = {slo["scenario"]: config["scenarios"][slo["scenario"]] for slo in config["slos"].values()}
    return json.dumps({"scenarios": counted, "slos": config["slos"]}, indent=2) + "\n"


def leftovers(built: dict[Path, str]) -> list[Path]:
    """Copies of what is no longer there."""
    there = [*(FILES / "dashboards").rglob("*.json"), *(FILES / "rules").rglob("*.*")]
    return sorted(file for file in there if file.is_file() and file not in built)


def write() -> None:
    built = build()
    for path, text in built.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in leftovers(built):
        path.unlink()


if __name__ == "__main__":
    write()
