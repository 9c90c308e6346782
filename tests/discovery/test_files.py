from __future__ import annotations

from pathlib import Path

import pytest

from config.discovered import FileTargets, read_targets
from config.model import Config
from config.reader import parse
from config.references import MOST_PAIRED
from config.secrets import Secrets
from discovery import files
from discovery.files import NOTHING, PROBLEMS_SHOWN, Discovered, few, paths
from traffic.roster import roster


def look(config: Config, before: Discovered) -> Discovered:
    return files.look(config, Secrets(), before)


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
    assert (found.problems, found.members["one"].endpoint.url) == ((), "http://elsewhere")
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
    assert {name: member.endpoint.url for name, member in found.members.items()} == {"one": "http://one"}
    assert found.passed_over == (
        f"{first}: own: taken already, by the configuration; give each another name",
        f"{second}: one: taken already, by {first}; give each another name",
    )


def test_there_is_a_limit(tmp_path: Path) -> None:
    first = write(tmp_path, "a", **{f"t{number}": f"h{number}" for number in range(3)})
    second = write(tmp_path, "b", own="own", t1="h1", t9="h9")
    config = configured(tmp_path, "limits: {discovered_targets: 4}")
    assert list(look(config, NOTHING).members) == ["t0", "t1", "t2", "t9"]
    write(tmp_path, "a", **{f"t{number}": f"h{number}" for number in range(9)})
    found = look(config, NOTHING)
    assert list(found.members) == ["t0", "t1", "t2", "t3"]
    assert found.passed_over == (
        f"{first}: t4, t5 and 3 more: there are more than 4; raise limits.discovered_targets",
        f"{second}: own, t1: taken already, by the configuration, {first}; give each another name",
        f"{second}: t9: there are more than 4; raise limits.discovered_targets",
    )


def test_much_in_one_file_is_little_in_memory_and_in_the_log(config: Config, tmp_path: Path) -> None:
    file = write(tmp_path, "a")
    addresses = ",".join(f"h:{port}" for port in range(10_000, 15_000))
    file.write_text(f"[{{labels: {{backend: vllm}}, targets: [{addresses}]}}]")
    found = look(config, NOTHING)
    assert sum(map(len, found.files.values())) == len(found.members) == config.limits.discovered_targets
    assert found.passed_over == (f"{file}: h-10200, h-10201 and 4798 more: there are more than 200; raise limits.discovered_targets",)
    file.write_text(f"[{{targets: [{addresses.replace(':', '/')}], labels: {{backend: vllm}}}}]")
    broken = look(config, found)
    assert (len(broken.members), len(broken.problems)) == (200, PROBLEMS_SHOWN + 1)
    assert broken.problems[-1] == f"{file}: and 4980 more"


def test_as_many_files_are_read_as_can_be_looked_after(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.files.MOST_FILES", 2)
    files = [write(tmp_path, name, **{name: name}) for name in ("b", "c", "d")]
    found = look(config, NOTHING)
    assert list(found.members) == ["b", "c"]
    assert list(paths(config)) == list(map(str, files[:2]))
    assert found.passed_over == (f"discovery.files: {files[2]}: there are more than 2 files; put several targets into one",)
    write(tmp_path, "a", a="a")
    assert list(look(config, found).files) == [str(tmp_path / "a.targets"), str(files[0])]


def test_a_file_that_breaks_its_reader_is_its_own_problem_only(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, "a", one="one")
    write(tmp_path, "b", two="two")
    found = look(config, NOTHING)

    def read(path: Path, most: int) -> FileTargets:
        if path == file:
            raise OverflowError("hunter2")
        return read_targets(path, most)

    monkeypatch.setattr("discovery.files.read_targets", read)
    write(tmp_path, "b", two="elsewhere")
    broken = look(config, found)
    assert {name: member.endpoint.url for name, member in broken.members.items()} == {"one": "http://one", "two": "http://elsewhere"}
    assert broken.problems == (f"{file}: cannot be read: chatprobe itself failed: OverflowError",)


def test_targets_that_are_too_many_to_be_compared_are_told(tmp_path: Path) -> None:
    write(tmp_path, "a", **{f"t{number}": f"h{number}" for number in range(MOST_PAIRED + 1)})
    text = """
    targets: {own: {backend: vllm, url: http://own}}
    scenarios: {beat: {every: 1m}, race: {every: 1m, pair: true}, duel: {every: 1m, pair: true, targets: [own, t1]}}
    discovery: {files: [a.targets]}
    """
    found = look(parse(text, str(tmp_path / "chatprobe.yaml")).config, NOTHING)
    assert len(found.members) == MOST_PAIRED + 1
    assert found.passed_over == ("scenarios.race.pair: t19, t20: no more than 20 targets are compared; name those to compare in targets",)


def test_two_stars_are_folders_of_any_depth(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for depth, folder in enumerate((tmp_path, tmp_path / "a", tmp_path / "a" / "b")):
        write(folder, "x", **{f"t{depth}": f"h{depth}"})
    config = parse("scenarios: {b: {every: 15s}}\ndiscovery: {files: ['**/*.targets']}\n", str(tmp_path / "chatprobe.yaml")).config
    found = look(config, NOTHING)
    assert sorted(found.members) == ["t0", "t1", "t2"]
    assert sorted(look(config, found).members) == ["t0", "t1", "t2"]


def test_a_few_names() -> None:
    names = [str(number) for number in range(12)]
    assert few([]) == ""
    assert few(names[:10]) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert few(names) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"
    assert few(names, 3) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 5 more"


def test_credentials_come_from_the_configuration_alone(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")
    write(tmp_path, "a", one="trusted.example", two="other.example")
    found = look(configured(tmp_path, "credentials: [{host: trusted.example, api_key: {file: key}}]"), NOTHING)
    assert found.members["one"].endpoint.api_key == "secret"
    assert found.members["two"].endpoint.api_key is None


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
