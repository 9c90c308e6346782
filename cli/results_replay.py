"""`chatprobe results replay`: recorded answers, shown as they came, side by side where they were asked at one instant."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from cli.codes import INTERRUPTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.race.recorded import Recorded
    from traffic.race.lane import Lane


def replay(results: Path, run: str, chats: tuple[str, ...], speed: float, count: int) -> int:
    """Show some answers of a run, and give the exit code. Raises `ResultsError` where it has none to show."""
    from bench.race.recorded import recorded, side_by_side
    from bench.results.listing import find_run
    from bench.results.problem import ResultsError

    found = find_run(results, run)
    groups = list(side_by_side(found.records_as(recorded)))
    chosen = [group for group in groups if not chats or any(answer.is_named(one) for one in chats for answer in group)]
    if not chosen:
        raise ResultsError(
            f"{found.name} has no chat {' or '.join(chats)}; give the beginning of a request_id or pair_id in its records.ndjson"
            if chats
            else f"{found.name} has no chats"
        )
    with_chunks = [group for group in chosen if any(answer.pieces for answer in group)]
    if not with_chunks:
        raise ResultsError(f"{found.name} does not tell when tokens came: its chats failed before one, or were recorded with --no-chunks")
    return asyncio.run(_shown(found.name, with_chunks if chats else with_chunks[:count], len(with_chunks), speed))


async def _shown(run: str, groups: Sequence[Sequence[Recorded]], of: int, speed: float) -> int:
    from bench.race.recorded import first_of
    from bench.race.replaying import Pace, play
    from cli.race_screen import Picture
    from cli.race_showing import answer_line, is_drawn, pause, say, shown
    from cli.streams import console_for_people
    from traffic.schedule import SYSTEM_CLOCK

    console = console_for_people()
    stop = asyncio.Event()
    for ends in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ends, stop.set)
    pace = Pace(SYSTEM_CLOCK, speed)
    pace_in_words = "its own pace" if speed == 1 else f"{speed:g} times its pace"
    picture = Picture(f"{run}, at {pace_in_words}", _lanes(groups[0]), _longest(groups), note=_note(groups))
    if not is_drawn(console):
        say([picture.title, picture.note], console)
    async with shown(picture, console, pace.now_ns) as draw:
        for number, group in enumerate(groups, 1):
            picture.lanes = _lanes(group)
            picture.place = f"{group[0].prompt_id}, {number} of {of}"
            picture.first = picture.fastest = None
            await play(group, {lane.name: lane for lane in picture.lanes}, pace, stop)
            if stop.is_set():
                break
            picture.first = first_of(group)
            draw()
            if not is_drawn(console):
                say((f"{group[0].prompt_id}  {answer_line(lane, picture.first)}" for lane in picture.lanes), console)
            if number < len(groups):
                await pause(console, stop)
        picture.foot = ""
    if len(groups) < of:
        say([f"{len(groups)} of {of} were shown; --count N shows more, --chat ID a certain one."], console)
    return INTERRUPTED if stop.is_set() else 0


def _lanes(group: Sequence[Recorded]) -> list[Lane]:
    from traffic.race.lane import Lane

    return [Lane(answer.target, answer.backend, answer.model) for answer in group]


def _longest(groups: Sequence[Sequence[Recorded]]) -> int:
    """The tokens of the longest answer: so the picture stays as high as it is."""
    return max(answer.figures.output_tokens or len(answer.pieces) for group in groups for answer in group)


def _note(groups: Sequence[Sequence[Recorded]]) -> str:
    """What of it is true, and what is made up."""
    answers = [answer for group in groups for answer in group]
    parts = ["A recording of SIMULATED ENGINES." if any(answer.simulated for answer in answers) else "A recording."]
    if all(answer.has_text for answer in answers):
        parts.append("Which token brought which part of the text is not in it: the text is shared out evenly.")
    else:
        parts.append("Each ▪ is a token that came at this instant; its text is not in it.")
    return " ".join(parts)
