"""docs/notifications.md says what the code does: its example, its table of receivers, its table of times."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts.forms.alertmanager import alertmanager_yml
from alerts.notifications import usual_timings
from alerts.windows import Severity, written
from config.notify import KINDS, LEAST
from config.reader import parse
from config.version import write_version
from tests.alerts.notifying import amtool

PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")


def example() -> str:
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.prometheus
def test_the_example_is_taken_by_alertmanager(tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(alertmanager_yml(parse(example()).config))
    assert "SUCCESS" in amtool("check-config", str(file))


def test_least_versions_and_secret_files() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d.]+) \| `([\w-]+)` \|", PAGE, re.MULTILINE)
    assert rows == [(name, write_version(kind.since), kind.file) for name, kind in KINDS.items()]
    assert f"go with {write_version(LEAST)}, the least version of all" in " ".join(PAGE.split())


def test_times() -> None:
    timings = usual_timings(parse(example()).config.alerts)
    rows = dict(re.findall(r"^\| `(critical|warning|info)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert [*rows] == [*Severity]
    for severity, row in rows.items():
        timing = timings[Severity(severity)]
        interval, repeat = (
            written(seconds)[:-1] + " " + written(seconds)[-1] for seconds in (timing.group_interval_seconds, timing.repeat_interval_seconds)
        )
        assert row.endswith(f" | {interval} | {repeat}")
    assert rows["warning"].split(" | ")[1] == "2 m"
    assert timings[Severity.PAGE].group_wait_seconds == 30 + 15
