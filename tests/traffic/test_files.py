from __future__ import annotations

from pathlib import Path

import pytest

from config.model import Config
from config.reader import parse
from traffic.roster import roster
from traffic.targets.files import NOTHING, look


def refuse(_: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configured(tmp_path)


def configured(folder: Path, more: str = "") -> Config:
    text = f"""
    targets: {{own: {{backend: vllm, url: "http://own"}}}}
    scenarios: {{beat: {{every: 15s}}}}
    discovery: {{files: ["*.targets"]}}
    {more}
    """
    return parse(text, str(folder / "chatprobe.yaml")).config


def write(folder: Path, name: str, **urls: str) -> Path:
    file = folder / f"{name}.targets"
    file.write_text("targets:\n" + "".join(f'  {target}: {{backend: tgi, url: "http://{url}"}}\n' for target, url in urls.items()))
    return file


def test_without_files_to_look_at_nothing_was_looked_at() -> None:
    assert look(parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {b: {every: 15s}}").config, NOTHING) is NOTHING


def test_targets_of_all_files_stand_behind_those_of_the_configuration(config: Config, tmp_path: Path) -> None:
    write(tmp_path, "b", two="two", three="three")
    write(tmp_path, "a", one="one")
    found = look(config, NOTHING)
    assert (found.looked, found.problems, found.passed_over) == (True, (), ())
    assert [(name, member.source) for name, member in roster(config, found.members).members.items()] == [
        ("own", "static"),
        ("one", "files"),
        ("two", "files"),
        ("three", "files"),
    ]


def test_a_broken_file_keeps_what_it_said_last_and_one_that_is_gone_does_not(config: Config, tmp_path: Path) -> None:
    file = write(tmp_path, "a", one="one")
    write(tmp_path, "b", two="two")
    found = look(config, NOTHING)
    for broken in ("", "targets: {one: {backend", "targets: {one: {backend: tgi, url: x, api_key: {file: /etc/shadow}}}", "\0", "[1]"):
        file.write_text(broken)
        found = look(config, found)
        assert list(found.members) == ["one", "two"]
        assert found.problems
        assert all(problem.startswith(f"{file}:") for problem in found.problems)
    write(tmp_path, "a", one="elsewhere")
    found = look(config, found)
    assert (found.problems, found.members["one"].target.url) == ((), "http://elsewhere")
    file.unlink()
    assert list(look(config, found).members) == ["two"]


def test_a_file_that_was_never_right_has_no_targets(config: Config, tmp_path: Path) -> None:
    (tmp_path / "a.targets").write_text("}")
    found = look(config, NOTHING)
    assert (found.looked, dict(found.members), len(found.problems)) == (True, {}, 1)


def test_a_name_that_is_taken_is_passed_over_and_told(config: Config, tmp_path: Path) -> None:
    first = write(tmp_path, "a", own="evil", one="one")
    second = write(tmp_path, "b", one="other")
    found = look(config, NOTHING)
    assert {name: member.target.url for name, member in found.members.items()} == {"one": "http://one"}
    assert found.passed_over == (
        f"{first}: own: the configuration has a target of this name; give this one another",
        f"{second}: one: {first} has a target of this name; give this one another",
    )


def test_there_is_a_limit(tmp_path: Path) -> None:
    write(tmp_path, "a", **{f"t{number}": f"h{number}" for number in range(5)})
    found = look(configured(tmp_path, "limits: {discovered_targets: 3}"), NOTHING)
    assert list(found.members) == ["t0", "t1", "t2"]
    assert [line.rpartition(": ")[2] for line in found.passed_over] == ["there are more than 3; raise limits.discovered_targets"] * 2


def test_credentials_come_from_the_configuration_alone(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    write(tmp_path, "a", one="trusted.example", two="other.example")
    found = look(configured(tmp_path, "credentials: [{host: trusted.example, api_key: {file: key}}]"), NOTHING)
    assert found.members["one"].target.api_key is not None
    assert found.members["two"].target.api_key is None


def test_a_folder_that_cannot_be_looked_into_is_not_an_empty_one(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a", one="one")
    found = look(config, NOTHING)
    with monkeypatch.context() as closed:
        closed.setattr("os.scandir", refuse)
        hidden = look(config, found)
    assert list(hidden.members) == ["one"]
    assert hidden.problems == (f"{tmp_path}: cannot be looked into: Permission denied; mend its owner or its mode",)
    assert look(config, hidden).problems == ()


@pytest.mark.parametrize("name", ["[prod]", "a*", "*", "?", "[!a]", "[[]"])
def test_the_folder_of_the_configuration_is_no_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    here = tmp_path / name
    (here / "more").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", "a", other="other")
    write(here, "a", one="one")
    write(here / "more", "b", two="two")
    monkeypatch.chdir(here)
    for place in (str(here / "chatprobe.yaml"), "chatprobe.yaml"):
        text = "scenarios: {b: {every: 15s}}\ndiscovery: {files: ['*.targets', 'm*/b.targets', ../other/../more/x]}\n"
        config = parse(text, place).config
        found = look(config, NOTHING)
        assert (sorted(found.members), found.problems) == (["one", "two"], ())
        with monkeypatch.context() as closed:
            closed.setattr("os.scandir", refuse)
            hidden = look(config, found)
        assert sorted(hidden.members) == ["one", "two"], "what cannot be looked at is not gone"
        assert any(problem.startswith(f"{here}: cannot be looked into") for problem in hidden.problems)


def test_a_folder_that_is_not_there_yet_is_an_empty_one(tmp_path: Path) -> None:
    config = parse("scenarios: {b: {every: 15s}}\ndiscovery: {files: ['later/*/*.yaml']}\n", str(tmp_path / "chatprobe.yaml")).config
    assert look(config, NOTHING).problems == ()
