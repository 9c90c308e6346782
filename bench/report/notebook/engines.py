"""Which engines are compared, and what each says of itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.looking import EngineSeen, look
from bench.report.notebook.programs import NotebookError, simulated, written
from bench.report.notebook.shown import table
from config.effective import effective
from config.model import Config
from config.problems import ConfigError
from config.reader import VARIABLE, Text, read
from config.secrets import SecretError
from config.starters import bench_preset
from discovery.kubernetes.api import ApiError
from discovery.kubernetes.once import seen_once
from discovery.plan import plan
from exporter.native.scrape import Scraper
from probes.control import Control
from traffic.schedule import SystemClock

SIMULATED_RUN = "simulated"
"""What a run of simulated engines is called, so that everything that shows it says so."""
SIMULATED = "**These engines are simulated.** The figures say how chatprobe works, and nothing of a real engine."


@dataclass(frozen=True, slots=True)
class Engines:
    """What was seen of each. `file` is the configuration that they are in, `text` what is in force, secrets hidden."""

    file: Path
    text: str
    looked: tuple[EngineSeen, ...]
    simulated: bool

    def _repr_markdown_(self) -> str:
        return "\n\n".join(self._paragraphs())

    def _paragraphs(self) -> Iterator[str]:
        if self.simulated:
            yield SIMULATED
        yield table(("target", "engine", "model", "longest chat", "URL", "state"), (_row(one) for one in self.looked))
        yield f"<details><summary>The configuration that is in force</summary>\n\n```yaml\n{self.text.strip()}\n```\n</details>"


def engines(configuration: str | None = None) -> Engines:
    """The engines of a configuration; of the one that `CHATPROBE_CONFIG` names where none is given; else simulated ones.

    Asks each how it is and what it serves. Sends no chat. Raises `NotebookError`.
    """
    named = configuration or os.environ.get(VARIABLE)
    file = Path(named) if named else written(simulated())
    try:
        config = read([file], below=[Text("preset quick", bench_preset("quick"))]).config
        with ThreadPoolExecutor(1) as thread:  # the notebook's own thread has an event loop that runs already
            looked = thread.submit(asyncio.run, _looks(config)).result()
    except (ConfigError, SecretError, ApiError) as error:
        raise NotebookError(str(error)) from error
    if not looked:
        raise NotebookError(f"{file} has no targets; chatprobe init --target URL writes a configuration")
    return Engines(file, effective(config), looked, simulated=named is None)


async def _looks(config: Config) -> tuple[EngineSeen, ...]:
    async with Control() as control, Scraper(SystemClock()) as scraper:
        seen = await seen_once(config, control)
        members = plan(config, seen=seen).roster.members.values()
        return tuple(await asyncio.gather(*(look(control, scraper, member) for member in members)))


def _row(one: EngineSeen) -> tuple[str, ...]:
    longest = "" if one.context_tokens is None else f"{one.context_tokens:,} tokens"
    return one.target, one.title, one.model, longest, one.url, one.trouble or one.health or "well"
