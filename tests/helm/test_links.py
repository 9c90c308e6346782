"""What the chart of chatprobe has of other folders, by symbolic links: Helm takes what they lead to for its own."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from alerts.forms.rules import document
from alerts.forms.yaml import dump
from alerts.rules import rules
from config.model import Alerts, Config
from config.reader import parse, read
from helm.packages import pack
from helm.reference.build import HELM

ROOT = HELM.parent
FILES = HELM / "chatprobe" / "files"
LED_TO = {"dashboards": "dashboards/generated", "rules": "alerts/generated", "default.yaml": "config/default.yaml"}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packages")
    pack(folder)
    return folder


def members(package: Path) -> dict[str, bytes | None]:
    """The content of each member of an archive; None: it is no plain file."""
    with tarfile.open(package) as archive:
        return {each.name: file.read() if (file := archive.extractfile(each)) and each.isreg() else None for each in archive.getmembers()}


def configured() -> Config:
    """The chart's own configuration, for a namespace."""
    written: dict[str, Any] = yaml.safe_load((HELM / "chatprobe" / "values.yaml").read_text())["config"]
    written["discovery"]["kubernetes"]["namespaces"] = ["llm"]
    del written["targets"]
    return parse(yaml.safe_dump(written, sort_keys=False)).config


def test_they_stay_within_the_repository() -> None:
    """Argo CD refuses a repository with a link that leads out of it."""
    links = [path for path in HELM.rglob("*") if path.is_symlink()]
    assert {path.name: str(path.resolve().relative_to(ROOT)) for path in links if path.parent == FILES} == LED_TO
    assert [str(path) for path in links if path.readlink().is_absolute() or not path.exists() or not path.resolve().is_relative_to(ROOT)] == []


@pytest.mark.parametrize(("chart", "below"), [("chatprobe", "chatprobe"), ("stack", "stack/charts/chatprobe")])
def test_a_package_holds_what_they_lead_to(chart: str, below: str, packages: Path) -> None:
    (package,) = packages.glob(f"{chart}-*.tgz")
    packed = members(package)
    assert [name for name, content in packed.items() if content is None] == []
    files = {name.removeprefix(f"{below}/files/"): content for name, content in packed.items() if name.startswith(f"{below}/files/")}
    expected = {"probed.py": (FILES / "probed.py").read_bytes(), "default.yaml": (ROOT / "config/default.yaml").read_bytes()}
    for name in ("dashboards", "rules"):
        there = ROOT / LED_TO[name]
        expected |= {f"{name}/{file.relative_to(there)}": file.read_bytes() for file in there.rglob("*") if file.is_file()}
    assert files == expected
    assert len(expected) > 15


@pytest.mark.parametrize("chart", ["chatprobe", "stack"])
def test_a_package_installs_what_the_folder_does(chart: str, packages: Path) -> None:
    (package,) = packages.glob(f"{chart}-*.tgz")
    with helm_python.Chart.load(package) as packed, helm_python.Chart.load(HELM / chart) as folder:
        assert packed.render() == folder.render()


def test_a_copy_that_lost_them_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "chatprobe"
    shutil.copytree(HELM / "chatprobe", copy, ignore=lambda folder, names: LED_TO.keys() if Path(folder) == FILES else ())
    with helm_python.Chart.load(copy) as chart, pytest.raises(helm_python.HelmError, match="symbolic links were not kept; take the whole clone"):
        chart.render()
    with helm_python.Chart.load(copy) as chart:
        assert chart.render({"dashboards": {"enabled": False}})


def test_the_rules_are_those_of_the_charts_own_configuration() -> None:
    config = configured()
    for folder, seconds in (("", None), ("one-day", 86400.0)):
        made = rules(config.model_copy(update={"alerts": Alerts().model_copy(update={"retention_seconds": seconds})}))
        for name, groups in (("recordings", made.recordings), ("alerts", made.alerts), ("slos", made.slos)):
            assert (FILES / "rules" / folder / f"{name}.rules.yaml").read_text() == dump(document(groups, config.alerts)), f"{folder} {name}"


def test_it_chats_as_the_default_preset_does() -> None:
    preset = read([FILES / "default.yaml"]).config
    config = configured()
    assert (config.scenarios, config.slos, config.limits) == (preset.scenarios, preset.slos, preset.limits)
