"""The tutorial, as somebody follows it who has read nothing else: its commands one by one, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator

import pytest

from tests.tutorial import FAILED, INSTALLING, PAGE, Shell, Step, free_ports, here, steps

PICTURES = "--format png"
FAILS = "4. A chat that fails"
"""Where a command has another exit code than 0, and is meant to."""


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


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    shell = Shell(tmp_path_factory.mktemp("evening"))
    yield shell
    shell.close()


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    return free_ports()


@pytest.mark.parametrize("step", [step for step in steps(PAGE.read_text()) if step.heading != INSTALLING], ids=lambda step: step.heading)
def test_its_commands_print_what_it_shows(step: Step, shell: Shell, ports: dict[str, str]) -> None:
    commands = here(step.commands, ports)
    if PICTURES in commands and not shutil.which("chromium"):
        assert "CI" not in os.environ, "pictures need Chromium"
        pytest.skip("pictures need Chromium")
    printed = shell.run(commands)
    assert (FAILED in printed) == (step.heading == FAILS), printed
    assert missing(step.shown, printed) == [], printed


def test_a_line_that_is_not_printed_is_missing() -> None:
    assert missing("a 1\n…\nc 3.5 ms\n", "a 2\nb\nc 1,000.7 ms\n") == []
    assert missing("c 1\na 1\n", "a 2\nc 2\n") == ["a 0"]
    assert missing("a … z\n", "a b z\n") == []
    assert missing("a … z\n", "a b y\n") == ["a … z"]


def test_the_page_installs_what_is_there() -> None:
    (installing,) = [step for step in steps(PAGE.read_text()) if step.heading == INSTALLING]
    assert "pip install './chatprobe[bench,report]'" in installing.commands
