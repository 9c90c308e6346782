"""The tutorial's commands, run one by one in a shell that stays. `python -m tests.tutorial` draws its pictures anew."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/tutorial.md"
IMAGES = ROOT / "docs/images"
INSTALLING = "1. Install"
PORTS = ("8000", "9840")
"""Of the engine and of the exporter, as the page has them: the test has free ones."""
_BLOCK = re.compile(r"^## (?P<heading>[^\n]+)$|^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_END, FAILED = "--- the end of these commands", "--- this failed: "


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


class Shell:
    """One that stays, so that commands in the background go on until a later one ends them."""

    def __init__(self, folder: Path) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "COLUMNS": "110", "NO_COLOR": "1"}
        environment.pop("CHATPROBE_CONFIG", None)
        self._process = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

        self.run(f"trap 'echo \"{FAILED}$BASH_COMMAND\"' ERR")

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


def free_ports() -> dict[str, str]:
    """A free one for each that the page has."""
    return {port: str(free_port()) for port in PORTS}


def here(text: str, ports: dict[str, str]) -> str:
    """The same with the ports of this test."""
    for port, free in ports.items():
        text = re.sub(rf"(127\.0\.0\.1:|--port ){port}\b", rf"\g<1>{free}", text)
    return text


def draw() -> None:
    """Follow the page, and take its pictures from what that makes."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shell, ports = Shell(folder), free_ports()
        try:
            for step in steps(PAGE.read_text()):
                if step.heading != INSTALLING:
                    print(shell.run(here(step.commands, ports)))
        finally:
            shell.close()
        shutil.copyfile(folder / "pictures/ttft.png", IMAGES / "tutorial-ttft.png")
        (report,) = folder.glob("results/*/report.html")
        screen = ("chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1200,900", "--virtual-time-budget=8000")
        subprocess.run([*screen, f"--screenshot={IMAGES / 'tutorial-report.png'}", report.as_uri()], check=True, capture_output=True)


if __name__ == "__main__":
    draw()
