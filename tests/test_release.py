"""What `make release` leaves to be attached to a release."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from alerts.build import build as rules
from config.reader import read
from dashboards.build import build as dashboards
from dashboards.forms.delivery import Form
from tests.helm.cluster import charts

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    folder = tmp_path_factory.mktemp("release") / "dist"
    chosen = (f"DIST={folder}", f"BIN={Path(sys.executable).parent}")
    done = subprocess.run(["make", "--old-file=.venv/.ready", "release", *chosen], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def texts(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as opened:
        return {each.name: file.read().decode() for each in opened.getmembers() if (file := opened.extractfile(each))}


def test_it_has_the_wheel_each_chart_and_two_archives(release: Path) -> None:
    names = {file.name.partition("-")[0] if file.suffix in (".whl", ".tgz") else file.name for file in release.iterdir()}
    assert names == {*charts(), "chatprobe-dashboards.tar.gz", "chatprobe-rules.tar.gz"}
    assert len([*release.glob("chatprobe-*.whl")]) == len([*release.glob("chatprobe-*.tgz")]) == 1


def test_dashboards_are_there_in_every_form(release: Path) -> None:
    expected = {f"dashboards/{form}/{name}": text for form in Form for name, text in dashboards(form=form).items()}
    assert texts(release / "chatprobe-dashboards.tar.gz") == expected


def test_rules_are_there_in_every_form(release: Path) -> None:
    preset, one_day = ROOT / "config/default.yaml", ROOT / "alerts/one-day.yaml"
    expected = {f"rules/{name}": text for name, text in rules(read([preset]).config).files.items()}
    expected |= {f"rules/one-day/{name}": text for name, text in rules(read([preset, one_day]).config).files.items()}
    assert texts(release / "chatprobe-rules.tar.gz") == expected
    others = {name for name in expected if "rules.yaml" not in name}
    assert others >= {"rules/prometheusrule.yaml", "rules/one-day/prometheusrule.yaml", "rules/sloth.yaml"}
