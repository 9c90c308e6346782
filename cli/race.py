"""`chatprobe race`: the same prompt to several engines at the same instant, and their answers side by side while they come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.codes import INTERRUPTED
from cli.paths import READABLE_FILE
from cli.race_contest import Contest, contest_of, contest_options, run_contest, staged

if TYPE_CHECKING:
    from rich.console import Console

    from cli.race_contest import Stage
    from probes.prompts import PromptSpec
    from traffic.race.score import Score


@click.command("race")
@contest_options
@click.option("--prompt", metavar="TEXT", help="What to say.")
@click.option("--prompt-file", type=READABLE_FILE, metavar="FILE", help="A file with what to say.")
@click.option("--prompt-set", metavar="NAME", help="Take prompts from this set in turn; left out, from short-question.")
@click.option("--input-tokens", type=click.IntRange(1), metavar="N", help="Say words of about N tokens.")
@click.option("--rounds", type=click.IntRange(1, 1000), default=5, show_default=True, metavar="N", help="How often each engine is asked.")
def command(prompt: str | None, prompt_file: Path | None, prompt_set: str | None, input_tokens: int | None, rounds: int, **options: Any) -> None:
    """Ask several engines the same at once, and watch.

    All are asked at the same instant, and their answers are shown side by side while they come. Each round is a chat of --max-tokens
    at most with each engine. Without --target and --config three simulated engines race. The exit code is 1 if any engine gave no
    good answer.
    """
    from cli.probe_options import prompt_of

    if prompt_file is not None:
        if prompt is not None:
            raise click.UsageError("give one of --prompt and --prompt-file")
        prompt = _text_of(prompt_file)
    spec = prompt_of(prompt, prompt_set, input_tokens)
    raise click.exceptions.Exit(run_contest(_race(contest_of(options), spec, rounds)))


def _text_of(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be read: {error.strerror}; name a file that can", param_hint="--prompt-file") from error
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"{file} is not UTF-8; save it as UTF-8", param_hint="--prompt-file") from error


async def _race(contest: Contest, spec: PromptSpec, rounds: int) -> int:
    from cli.race_result import scoreboard
    from cli.race_screen import Picture
    from cli.race_showing import answer_line, is_drawn, pause, say, shown
    from cli.streams import console_for_people
    from traffic.conversation import Prompts
    from traffic.pairs import Measure
    from traffic.race.score import Score
    from traffic.schedule import SYSTEM_CLOCK

    console = console_for_people()
    script = Prompts(spec, "warm" if contest.cache == "warm" else "cold", seed=1)
    async with staged(contest, "race", lambda _: None) as stage:
        lanes = stage.race.lanes
        score = Score(lanes, contest.max_tokens)
        title = f"chatprobe race: one prompt, {len(lanes)} engines, the same instant" if len(lanes) > 1 else "chatprobe race"
        picture = Picture(title, list(lanes.values()), contest.max_tokens, stage.note, below=scoreboard(score, stage.backends, console))
        if not is_drawn(console):
            say([line for line in (stage.note,) if line], console)
        async with shown(picture, console, SYSTEM_CLOCK.monotonic_ns) as draw:
            for number in range(1, rounds + 1):
                turn = script.next()
                picture.place, picture.prompt = f"round {number} of {rounds}", turn.says
                picture.first = picture.fastest = None
                pair = await stage.race.hold(script, turn)
                if pair is None:
                    break
                score.take(pair)
                picture.first, picture.fastest = score.winner(Measure.TTFT), score.winner(Measure.TPOT)
                picture.below = scoreboard(score, stage.backends, console)
                draw()
                if not is_drawn(console):
                    say((f"round {number}  {answer_line(lane, picture.first)}" for lane in lanes.values()), console)
                if number < rounds:
                    await pause(console, stage.stop)
                if stage.stop.is_set():
                    break
            picture.foot = ""
        _tell(score, stage, console)
        if stage.stop.is_set():
            return INTERRUPTED
        return 1 if score.troubled else 0


def _tell(score: Score, stage: Stage, console: Console) -> None:
    """What the rounds have shown; on a terminal the table stands there already."""
    from cli.race_result import board_lines, sentences
    from cli.race_showing import is_drawn, say

    if not score.rounds:
        say(["No round was held to its end."], console)
        return
    if not is_drawn(console):
        say(board_lines(score), console)
    say(["", *sentences(score, list(stage.race.lanes)), *([stage.note] if stage.note else [])], console)
