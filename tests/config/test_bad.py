"""Bad configurations, each with every line that chatprobe says about it: tests/config/bad/*.txt.

A case is `=== NAME`, the configuration, and a line `=> LINE:COLUMN: PATH: TEXT` for each problem, in order, with the names
in braces of tests/engine_lists.py. In every one of them the secret is `hunter2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from config.problems import ConfigError
from config.reader import parse
from tests.engine_lists import filled

FOLDER = Path(__file__).parent / "bad"


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    expected: list[str]


def cases() -> list[Case]:
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        for part in file.read_text(encoding="utf-8").split("=== ")[1:]:
            name, _, rest = part.partition("\n")
            lines = rest.rstrip("\n").split("\n")
            text = "".join(f"{line}\n" for line in lines if not line.startswith("=> "))
            found.append(Case(f"{file.stem}/{name}", text, [filled(line.removeprefix("=> ")) for line in lines if line.startswith("=> ")]))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: trustme.CA) -> Path:
    """The configuration's folder, with keys and certificates in it, a key above it, an empty file and a folder."""
    here = tmp_path / "conf"
    (here / "folder").mkdir(parents=True)
    (here / "key").write_text("hunter2\n")
    (here / "empty").write_text("")
    (here / "break").write_text("\n")
    (here / "lines").write_text("hunter2\nhunter2\n")
    (here / "binary").write_bytes(b"\xff\xfe")
    own, other = authority.issue_cert("own.example"), authority.issue_cert("other.example")
    own.cert_chain_pems[0].write_to_path(str(here / "cert"))
    own.private_key_pem.write_to_path(str(here / "cert-key"))
    other.private_key_pem.write_to_path(str(here / "other-key"))
    (tmp_path / "key").write_text("hunter2\n")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
@pytest.mark.usefixtures("folder")
def test_says_exactly_what_is_wrong(case: Case) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(case.text, environ={"KEY": "hunter2", "EMPTY": "", "LINES": "hunter2\nhunter2"})
    assert [str(problem) for problem in caught.value.problems] == [f"chatprobe.yaml:{line}" for line in case.expected]
    assert "hunter2" not in str(caught.value) + repr(caught.value)


def test_there_are_many_cases() -> None:
    assert len(cases()) > 100
    assert all(case.expected for case in cases())


def test_every_message_says_what_would_be_right() -> None:
    for case in cases():
        for line in case.expected:
            assert "; " in line, f"{case.name}: {line}"
