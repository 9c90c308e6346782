"""compose.yaml without Docker: what it mounts is there, and each program takes its configuration."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from catalogue.uids import Dashboard
from cli.main import main
from config.reader import read
from dashboards.boards import BOARDS
from tests.alerts.promtool import promtool

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def mounts(service: str) -> dict[str, Path]:
    """Files and folders of ours by where they are mounted; named volumes are left out."""
    parts = [written.split(":") for written in SERVICES[service].get("volumes", [])]
    return {inside: ROOT / ours for ours, inside, *_ in parts if ours not in COMPOSE["volumes"]}


def option(service: str, name: str) -> list[str]:
    """The values of an option of a service's command, written `--name=value` or `--name value`."""
    command = SERVICES[service]["command"]
    joined = [word.partition("=")[2] for word in command if word.startswith(f"{name}=")]
    return joined + [value for word, value in pairwise(command) if word == name]


def test_everything_that_is_mounted_is_there_and_cannot_be_written_to() -> None:
    for name, service in SERVICES.items():
        assert all(path.exists() for path in mounts(name).values()), name
        assert all(written.endswith(":ro") or written.split(":")[0] in COMPOSE["volumes"] for written in service.get("volumes", []))


def test_ports_are_for_this_machine_only_and_dependencies_are_there() -> None:
    for service in SERVICES.values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        assert set(service.get("depends_on", [])) <= SERVICES.keys()


@pytest.mark.parametrize("name", [name for name, service in SERVICES.items() if service["image"] == "chatprobe"])
def test_each_command_of_ours_is_one(name: str) -> None:
    command = [word.replace("/etc/chatprobe/", "./") for word in SERVICES[name]["command"]]
    group: Any = main
    found = group.get_command(click.Context(main), command[0])
    assert isinstance(found, click.Command)
    found.make_context(command[0], command[1:])


def test_the_exporter_takes_its_configuration_and_finds_the_engines() -> None:
    files = [mounts("exporter")[path] for path in option("exporter", "--config")]
    assert [file.name for file in files] == ["default.yaml", "targets.yaml"]
    result = CliRunner().invoke(main, ["check", "--overlay", *map(str, files)])
    assert result.exit_code == 0, result.output
    config = read(files).config
    assert config.web.listen.port == 9840
    for name, target in config.targets.items():
        assert name in SERVICES
        assert target.url == f"http://{name}:{option(name, '--port')[0]}"


@pytest.mark.prometheus
def test_prometheus_takes_its_configuration_with_the_rules(tmp_path: Path) -> None:
    shutil.copytree(mounts("prometheus")["/etc/prometheus/rules"], tmp_path / "rules")
    file = shutil.copy(mounts("prometheus")["/etc/prometheus/prometheus.yaml"], tmp_path)
    done = subprocess.run([promtool(), "check", "config", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = list((tmp_path / "rules").glob("*.rules.yaml"))
    assert done.stdout.count("rules found") == len(rules) > 0
    scraping = yaml.safe_load(Path(file).read_text())
    named = [
        *(target for job in scraping["scrape_configs"] for each in job["static_configs"] for target in each["targets"]),
        *(target for each in scraping["alerting"]["alertmanagers"] for group in each["static_configs"] for target in group["targets"]),
    ]
    assert {name.partition(":")[0] for name in named} == {"exporter", "alertmanager"}


def test_rules_are_those_of_the_exporters_configuration() -> None:
    asked = set(read([ROOT / "config/default.yaml"]).config.slos)
    rules = yaml.safe_load((ROOT / "alerts/generated/slos.rules.yaml").read_text())
    recorded = {rule["labels"]["slo"] for group in rules["groups"] for rule in group["rules"] if rule.get("record") == "slo:objective:ratio"}
    assert recorded == asked


def test_alertmanager_sends_alerts_to_a_receiver_that_is_there() -> None:
    (path,) = option("alertmanager", "--config.file")
    told = yaml.safe_load(mounts("alertmanager")[path].read_text())
    assert told["route"]["receiver"] in {receiver["name"] for receiver in told["receivers"]}


def test_grafana_is_given_prometheus_and_every_dashboard() -> None:
    given = mounts("grafana")
    (source,) = yaml.safe_load((given["/etc/grafana/provisioning/datasources"] / "prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://prometheus:9090", True)
    (provider,) = yaml.safe_load((given["/etc/grafana/provisioning/dashboards"] / "chatprobe.yaml").read_text())["providers"]
    folder = given[provider["options"]["path"]]
    assert {file.stem for file in folder.glob("*.json")} == {str(board.uid) for board in BOARDS}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{Dashboard.OVERVIEW}.json"


def test_the_images_health_check_is_asked_of_the_exporter_alone() -> None:
    """It asks port 9840, where no simulated engine listens."""
    ours = {name: service for name, service in SERVICES.items() if service["image"] == "chatprobe"}
    assert {name for name, service in ours.items() if "healthcheck" not in service} == {"exporter"}
    assert all(service["healthcheck"] == {"disable": True} for name, service in ours.items() if name != "exporter")
