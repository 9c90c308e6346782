"""`chatprobe demo try`: one's own prompts, typed in, one after another, answered by several engines side by side."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import click

from cli.codes import INTERRUPTED
from cli.race_contest import Contest, contest_of, contest_options, run_contest, staged

if TYPE_CHECKING:
    import asyncio

    from rich.console import Console


@click.command("try")
@contest_options
def command(**options: Any) -> None:
    """Type prompts, and see engines answer side by side.

    A line is a prompt. An empty line or Ctrl-D ends it. Prompts are kept nowhere: not in logs, and not in --records. Without --target
    and --config three simulated engines answer.
    """
    raise click.exceptions.Exit(run_contest(_try(contest_of(options))))


async def _try(contest: Contest) -> int:
    from cli.race_result import scoreboard
    from cli.race_screen import Picture
    from cli.race_showing import answer_line, is_drawn, say, shown
    from cli.streams import console_for_people
    from probes.prompts import Text
    from traffic.conversation import Prompts
    from traffic.pairs import Measure
    from traffic.race.score import Score
    from traffic.schedule import SYSTEM_CLOCK

    console = console_for_people()
    async with staged(contest, "try", lambda _: None) as stage:
        lanes = stage.race.lanes
        score = Score(lanes, contest.max_tokens)
        if stage.note:
            console.print(stage.note, style="bold yellow")
        async with aclosing(_typed(console, stage.stop)) as prompts:
            async for prompt in prompts:
                script = Prompts(Text(prompt), "warm" if contest.cache == "warm" else "cold", seed=1)
                picture = Picture(
                    "chatprobe demo try", list(lanes.values()), contest.max_tokens, stage.note, prompt=prompt, foot="Ctrl-C breaks it off."
                )
                async with shown(picture, console, SYSTEM_CLOCK.monotonic_ns) as draw:
                    pair = await stage.race.hold(script, script.next())
                    if pair is None:
                        break
                    score.take(pair)
                    picture.first, picture.fastest = score.winner(Measure.TTFT), score.winner(Measure.TPOT)
                    picture.foot, picture.below = "", scoreboard(score, stage.backends, console)
                    draw()
                if not is_drawn(console):
                    say((line for lane in lanes.values() for line in (answer_line(lane, picture.first), f"  {' '.join(lane.text.split())}")), console)
        if stage.stop.is_set():
            return INTERRUPTED
        return 1 if score.troubled else 0


async def _typed(console: Console, stop: asyncio.Event) -> AsyncGenerator[str]:
    """The lines that are typed, until one is empty, the input ends, or `stop` is set."""
    from cli.race_input import lines

    def ask() -> None:
        if console.is_terminal:
            console.print("Your prompt, or an empty line to end:", end=" ")

    async with aclosing(lines(stop)) as typed:
        ask()
        async for line in typed:
            if not line.strip():
                return
            yield line
            ask()
