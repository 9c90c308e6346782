"""The tutorial, as somebody follows it who has read nothing else: its commands one by one, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/tutorial.md"
INSTALLING = "1. Install"
PICTURES = "--format png"
FAILS = "4. A chat that fails"
"""Where a command has another exit code than 0, and is meant to."""
PORTS = ("8000", "9840")
"""Of the engine and of the exporter, as the page has them: the test has free ones."""
_BLOCK = re.compile(r"^## (?P<heading>[^\n]+)$|^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_END, _FAILED = "--- the end of these commands", "--- this failed: "


@dataclass(frozen=True)
class Step:
    """Commands, and what the page shows of what they print; empty where it shows nothing."""

    heading: str
    commands: str
    shown: str = ""


def steps(page: str) -> list[Step]:
    """Those of a page, in order."""
    heading, found = "", list[Step]()
    for block in _BLOCK.finditer(page):
        if block["heading"]:
            heading = block["heading"]
        elif block["kind"] == "sh":
            found.append(Step(heading, block["text"]))
        elif block["kind"] == "text":
            found[-1] = Step(heading, found[-1].commands, block["text"])
    return found


def form(line: str) -> str:
    """A line without what another evening has otherwise: figures, bars, and how wide columns are."""
    return " ".join(re.sub(r"[±>]*\d[\d.,:%]*", "0", re.sub(r"[█─━]+", " ", line)).split())


def missing(shown: str, printed: str) -> list[str]:
    """The lines of what is shown that do not stand in what was printed, in this order; … stands for any text."""
    left = iter([form(line) for line in printed.splitlines()])
    lines = [form(line) for line in shown.splitlines() if line.strip() not in ("", "…")]
    return [line for line in lines if not any(like(line, actual) for actual in left)]


def like(shown: str, actual: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part.strip()) for part in shown.split("…")), actual) is not None


class Shell:
    """One that stays, so that commands in the background go on until a later one ends them."""

    def __init__(self, folder: Path) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "COLUMNS": "110", "NO_COLOR": "1"}
        environment.pop("CHATPROBE_CONFIG", None)
        self._process = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

        self.run(f"trap 'echo \"{_FAILED}$BASH_COMMAND\"' ERR")

    def run(self, commands: str) -> str:
        """What they print, with a line for each that failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{commands}\necho '{_END}'\n")
        self._process.stdin.flush()
        printed = list[str]()
        for line in self._process.stdout:
            if line.startswith(_END):
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended: {''.join(printed)}")

    def close(self) -> None:
        """End it, and what it has left in the background."""
        assert self._process.stdin is not None
        self._process.stdin.write("kill $(jobs -p) 2>/dev/null; wait\n")
        self._process.stdin.close()
        self._process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("evening"))
    yield shell
    shell.close()


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    return {port: str(free_port()) for port in PORTS}


def here(text: str, ports: dict[str, str]) -> str:
    """The same with the ports of this test."""
    for port, free in ports.items():
        text = re.sub(rf"(127\.0\.0\.1:|--port ){port}\b", rf"\g<1>{free}", text)
    return text


@pytest.mark.parametrize("step", [step for step in steps(PAGE.read_text()) if step.heading != INSTALLING], ids=lambda step: step.heading)
def test_its_commands_print_what_it_shows(step: Step, shell: Shell, ports: dict[str, str]) -> None:
    commands = here(step.commands, ports)
    if PICTURES in commands and not shutil.which("chromium"):
        assert "CI" not in os.environ, "pictures need Chromium"
        pytest.skip("pictures need Chromium")
    printed = shell.run(commands)
    assert (_FAILED in printed) == (step.heading == FAILS), printed
    assert missing(step.shown, printed) == [], printed


def test_a_line_that_is_not_printed_is_missing() -> None:
    assert missing("a 1\n…\nc 3.5 ms\n", "a 2\nb\nc 1,000.7 ms\n") == []
    assert missing("c 1\na 1\n", "a 2\nc 2\n") == ["a 0"]
    assert missing("a … z\n", "a b z\n") == []
    assert missing("a … z\n", "a b y\n") == ["a … z"]


def test_the_page_installs_what_is_there() -> None:
    (installing,) = [step for step in steps(PAGE.read_text()) if step.heading == INSTALLING]
    assert "pip install './chatprobe[bench,report]'" in installing.commands
