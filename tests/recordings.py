"""Records a race in a terminal, as text, and writes it into docs/race.md and README.md: `python -m tests.recordings`. Needs tmux."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "docs" / "race.md", ROOT / "README.md")
BEGIN, END = "<!-- recorded by python -m tests.recordings -->\n```text\n", "\n```\n<!-- end of the recording -->"
COLUMNS, LINES = 100, 32
LOOKS_EVERY_SECONDS = 0.05
CURSOR = "▌"
ENGINES, TOKENS_AMIDST = 3, 30


class Terminal:
    """A terminal of its own, in which a command runs."""

    def __init__(self, server: str) -> None:
        self._server = server

    def screen(self) -> str:
        """All lines of it, those that have scrolled away included, without the blanks at their ends."""
        shown = _tmux(self._server, "capture-pane", "-p", "-S", "-200").stdout
        return "\n".join(line.rstrip() for line in shown.splitlines()).strip("\n")

    def type(self, *keys: str) -> None:
        """Type keys, by tmux's names of them."""
        _tmux(self._server, "send-keys", *keys)

    def when(self, shows: Callable[[str], bool]) -> str:
        """The screen as soon as it shows something. Raises `TimeoutError` once patience has run out."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not shows(screen := self.screen()):
            if time.monotonic() > until:
                raise TimeoutError(f"it shows\n{screen}")
            time.sleep(LOOKS_EVERY_SECONDS)
        return screen


@contextmanager
def terminal(command: str, columns: int = COLUMNS, lines: int = LINES, **environ: str) -> Iterator[Terminal]:
    """A terminal of this size, in which a shell command runs; what it shows stays when the command has ended."""
    server = f"chatprobe-{uuid.uuid4().hex}"
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **environ}
    held = f"{command}; echo ended $?; sleep {PATIENCE_SECONDS:.0f}"
    size = ["-x", str(columns), "-y", str(lines)]
    subprocess.run(["tmux", "-u", "-L", server, "-f", "/dev/null", "new-session", "-d", *size, held], check=True, env=environment)
    try:
        yield Terminal(server)
    finally:
        subprocess.run(["tmux", "-L", server, "kill-server"], check=False, capture_output=True)


def chatprobe(*arguments: str) -> str:
    """The command line of this chatprobe."""
    return shlex.join([sys.executable, "-m", "cli", *arguments])


def race(rounds: int = 5) -> tuple[str, str]:
    """What a race of simulated engines shows in the midst of its last round, and what it says at its end."""
    with terminal(chatprobe("race", "--rounds", str(rounds))) as shown:
        amidst = shown.when(lambda screen: f"round {rounds} of {rounds}" in screen and _is_amidst(screen))
        at_end = shown.when(lambda screen: "ended 0" in screen)
    picture = amidst[amidst.index("SIMULATED") :].removesuffix("Ctrl-C ends it.").rstrip()
    told = at_end[at_end.rindex("Time to first token") :] if "Time to first token" in at_end else ""
    return picture, told.partition("SIMULATED")[0].rstrip()


def _is_amidst(screen: str) -> bool:
    """Whether several engines are still talking, and all have said something."""
    tokens = [int(number) for number in re.findall(r"(\d+) tokens", screen)]
    return screen.count(CURSOR) >= 2 and len(tokens) >= ENGINES and min(tokens) >= TOKENS_AMIDST


def _tmux(server: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["tmux", "-u", "-L", server, *arguments], check=True, capture_output=True, text=True)


def main() -> None:
    picture, told = race()
    for file in PAGES:
        page = file.read_text("utf-8")
        begin, end = page.index(BEGIN) + len(BEGIN), page.index(END)
        file.write_text(f"{page[:begin]}{picture}\n\n{told}{page[end:]}", "utf-8")


if __name__ == "__main__":
    main()
