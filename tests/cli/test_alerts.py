"""`chatprobe alerts`, as a user calls it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main

CONFIG = """\
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 60s, timeout: 30s}}
slos: {available: {scenario: heartbeat, objective: 99.9%}}
"""
FILES = {"recordings.rules.yaml", "alerts.rules.yaml", "prometheusrule.yaml", "slos.rules.yaml", "sloth.yaml"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["alerts", *arguments])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "chatprobe.yaml").write_text(CONFIG)
    return tmp_path


def test_build_writes_and_check_agrees(folder: Path) -> None:
    built = run("build", "--output", "rules")
    assert (built.exit_code, built.stdout) == (
        0,
        "rules: recordings.rules.yaml, alerts.rules.yaml, slos.rules.yaml, prometheusrule.yaml, sloth.yaml written\n",
    )
    assert built.stderr == (
        "chatprobe.yaml: slos.available: would page for fewer than 3 failed chats in 1h (about 60 chats); the page waits for 3 "
        "(alerts.low_volume: guard) (note)\n"
    )
    assert {path.name for path in (folder / "rules").iterdir()} == FILES
    checked = run("check", "--output", "rules")
    assert (checked.exit_code, checked.stdout) == (0, "rules: up to date\n")


def test_check_says_what_is_stale_and_how_to_mend_it(folder: Path) -> None:
    run("build", "--config", "chatprobe.yaml", "--output", "rules")
    (folder / "chatprobe.yaml").write_text(CONFIG.replace("99.9%", "99%"))
    checked = run("check", "--config", "chatprobe.yaml", "--output", "rules")
    assert checked.exit_code == 1
    assert checked.stderr == (
        "rules/slos.rules.yaml: is stale\nrules/prometheusrule.yaml: is stale\nrules/sloth.yaml: is stale\n"
        "Error: write them anew: chatprobe alerts build --config chatprobe.yaml --output rules\n"
    )


def test_check_tells_what_cannot_be_read(folder: Path) -> None:
    run("build", "--output", "rules")
    (folder / "rules/sloth.yaml").unlink()
    (folder / "rules/sloth.yaml").mkdir()
    (folder / "rules/slos.rules.yaml").write_bytes(b"\xff")
    assert run("check", "--output", "rules").stderr.splitlines()[-3:-1] == [
        "rules/slos.rules.yaml: is stale",
        "rules/sloth.yaml: cannot be read: Is a directory; change its owner or its mode, or name another folder with --output",
    ]


def test_build_takes_away_what_it_no_longer_writes(folder: Path) -> None:
    run("build", "--output", "rules")
    mine = {"notes.txt", "node.rules.yaml", "alertmanager.yaml"}
    for name in mine:
        (folder / "rules" / name).write_text("mine")
    (folder / "chatprobe.yaml").write_text(CONFIG.replace("slos:", "#"))
    built = run("build", "--output", "rules")
    assert built.exit_code == 0
    assert built.stdout.splitlines()[1:] == [
        "rules/slos.rules.yaml: removed, as it was written for a configuration of before",
        "rules/sloth.yaml: removed, as it was written for a configuration of before",
    ]
    assert {path.name for path in (folder / "rules").iterdir()} == FILES - {"slos.rules.yaml", "sloth.yaml"} | mine


def test_forms_can_be_chosen(folder: Path) -> None:
    built = run("build", "--form", "prometheusrule", "--form", "sloth", "--output", "rules")
    assert (built.exit_code, built.stdout) == (0, "rules: prometheusrule.yaml, sloth.yaml written\n")
    assert {path.name for path in (folder / "rules").iterdir()} == {"prometheusrule.yaml", "sloth.yaml"}
    assert run("check", "--form", "sloth", "--output", "rules").exit_code == 0
    checked = run("check", "--form", "rules", "--output", "rules")
    assert checked.exit_code == 1
    assert checked.stderr.splitlines()[-1] == "Error: write them anew: chatprobe alerts build --form rules --output rules"
    refused = run("build", "--form", "alertmanager", "--output", "rules")
    assert refused.exit_code == 1
    assert refused.stderr == 'chatprobe.yaml: alerts.notify: is missing; write notify: {receivers: {slack: {channel: "#llm-alerts"}}}\n'


def test_an_slo_that_cannot_be_told_writes_nothing(folder: Path) -> None:
    (folder / "chatprobe.yaml").write_text(CONFIG.replace("60s", "2h"))
    built = run("build", "--output", "rules")
    assert built.exit_code == 1
    assert built.stderr == (
        "chatprobe.yaml: slos.available: allows 0.36 bad chats in 30d, of about 360: nothing can be told of so few; chat more often, or write a "
        "lower objective or a longer window\n"
    )
    assert not (folder / "rules").exists()


def test_a_configuration_with_errors(folder: Path) -> None:
    (folder / "chatprobe.yaml").write_text("targets: {}\n")
    built = run("build")
    assert built.exit_code == 1
    assert built.stderr.startswith("chatprobe.yaml:")


def test_a_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "rules").write_text("a file")
    built = run("build", "--output", "rules/deep")
    assert built.exit_code == 1
    assert built.stderr.endswith("Error: rules/deep: Not a directory; name another folder with --output\n")
