"""`chatprobe demo conversation`: a conversation of several turns with several engines, and what its history does to the time to first token."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.codes import INTERRUPTED
from cli.race_contest import Contest, contest_of, contest_options, run_contest, staged

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from traffic.conversation import Turn
    from traffic.events import Pair


@dataclass(frozen=True, slots=True)
class Held:
    """A turn that was held, and the same as a new prompt, where that was asked for and not broken off."""

    pair: Pair
    again: Pair | None

    @property
    def went_well(self) -> bool:
        """Whether every engine answered."""
        return all(side.record is not None and side.record.outcome == "ok" for side in self.pair.sides)

    @property
    def prompt_tokens(self) -> str:
        """The tokens of the prompt, by the first engine that counts them."""
        counted = (side.record.input_tokens for side in self.pair.sides if side.record is not None and side.record.input_tokens is not None)
        tokens = next(counted, None)
        return "-" if tokens is None else f"{tokens:,}"

    def first_token(self, name: str) -> str:
        """`62.7 ms / 101 ms`: of the turn, and of the same as a new prompt."""
        from probes.wording import duration

        seconds, as_new = _ttft_seconds(self.pair, name), self.again and _ttft_seconds(self.again, name)
        return "-" if seconds is None else duration(seconds) + (f" / {duration(as_new)}" if as_new else "")


def _ttft_seconds(pair: Pair, name: str) -> float | None:
    return next((side.record.ttft_seconds for side in pair.sides if side.target == name and side.record is not None), None)


@click.command("conversation")
@contest_options
@click.option("--about", default="customer-support", show_default=True, metavar="NAME", help="Prompt set whose conversation is held.")
@click.option(
    "--contrast/--no-contrast",
    default=True,
    show_default=True,
    help="Send each turn once more, for one token, as if it were new to the engine: that shows what its prefix cache saves.",
)
@click.option("--turns", type=click.IntRange(1), metavar="N", help="Only its first N turns.")
def command(about: str, contrast: bool, turns: int | None, **options: Any) -> None:
    """Hold a conversation with several engines at once.

    Each turn brings all that was said before. All engines are told the same history, with the answer of one of them by chance. Of an
    engine with a prefix cache only the new words of a turn are computed: its time to first token stays short while the prompt grows.
    Conversations are those of the prompt sets: casual, code-review, creative, customer-support, educational, short-question, technical.
    Without --target and --config it is held with three simulated engines.
    """
    from probes.prompts import sets

    if about not in sets.names():
        raise click.BadParameter(f"there is no prompt set {about}; there are {', '.join(sets.names())}", param_hint="--about")
    says = sets.load(about).conversation
    if turns is not None and turns > len(says):
        raise click.BadParameter(f"{about} has {len(says)} turns; give no more", param_hint="--turns")
    raise click.exceptions.Exit(run_contest(_converse(contest_of(options), about, turns or len(says), contrast=contrast)))


async def _converse(contest: Contest, about: str, turns: int, *, contrast: bool) -> int:
    from cli.race_screen import Picture
    from cli.race_showing import answer_line, is_drawn, pause, say, shown
    from cli.streams import console_for_people
    from traffic.conversation import Conversations
    from traffic.schedule import SYSTEM_CLOCK

    console = console_for_people()
    script = Conversations(about, "warm" if contest.cache == "warm" else "cold")
    held: list[Held] = []
    turn = None
    async with staged(contest, "conversation", lambda _: None) as stage:
        lanes = stage.race.lanes
        picture = Picture(f"chatprobe demo conversation: {about}", list(lanes.values()), contest.max_tokens, stage.note)
        if stage.note and not is_drawn(console):
            say([stage.note], console)
        async with shown(picture, console, SYSTEM_CLOCK.monotonic_ns) as draw:
            while len(held) < turns and not stage.stop.is_set():
                turn = script.following(turn)
                picture.place, picture.prompt = f"turn {len(held) + 1} of {turns}", turn.says
                picture.below = turn_table(held, stage.backends, console)
                if not is_drawn(console):
                    say([f"turn {len(held) + 1}  > {' '.join(turn.says.split())}"], console)
                pair = await stage.race.hold(script, turn)
                if pair is None:
                    break
                again = await stage.race.hold_unseen(script, as_new(turn, next(iter(lanes)))) if contrast else None
                held.append(Held(pair, again))
                picture.below = turn_table(held, stage.backends, console)
                draw()
                if not is_drawn(console):
                    say((line for lane in lanes.values() for line in (f"  {answer_line(lane, None)}", f"    {' '.join(lane.text.split())}")), console)
                if not turn.answers:
                    break
                if len(held) < turns:
                    await pause(console, stage.stop)
            picture.foot = ""
        if held and not stage.stop.is_set():
            if not is_drawn(console):
                console.print(turn_table(held, stage.backends, console))
            say(_told(held, turns, stage.note, contrast=contrast), console)
        if stage.stop.is_set():
            return INTERRUPTED
        return 0 if len(held) == turns and all(one.went_well for one in held) else 1


def as_new(turn: Turn, target: str) -> Turn:
    """A turn that was held, once more: as no chat before it began, so that no prefix cache has any of it, and for one token."""
    from traffic.conversation import Turn

    prompt_id = f"{turn.prompt_id}/new"
    return Turn(prompt_id, secrets.token_hex(8), turn.input_tokens, turn.messages(target), turn.fewest_tokens, max_tokens=1)


def turn_table(held: Sequence[Held], backends: Mapping[str, str], console: Console) -> Table:
    """The time to first token of each engine, turn by turn, with that of the same prompt as a new one beside it."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from cli.race_look import named

    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    table.add_column("turn", justify="right", no_wrap=True)
    table.add_column("prompt", justify="right", no_wrap=True)
    for name, backend in backends.items():
        table.add_column(named(name, backend, console), justify="right", no_wrap=True, overflow="ellipsis")
    for number, one in enumerate(held, 1):
        table.add_row(str(number), one.prompt_tokens, *(one.first_token(name) for name in backends))
    return table


def _told(held: Sequence[Held], turns: int, note: str, *, contrast: bool) -> list[str]:
    lines = []
    if len(held) < turns:
        lines.append(f"The conversation ended after turn {len(held)} of {turns}: it goes on only while every engine answers.")
    lines.append("Time to first token, turn by turn; the prompt grows, in tokens, by all that was said.")
    if contrast:
        lines.append("Behind the stroke: that of the same prompt with nothing of it in a prefix cache. The difference is what the cache saves.")
    return [*lines, note] if note else lines
