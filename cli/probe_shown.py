"""How `chatprobe probe` shows its chats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import click
import orjson

from cli.streams import console_for_people
from probes.record import ChatRecord


@dataclass(frozen=True)
class Show:
    """How records are shown: each as it comes, and all of them at the end."""

    each: Callable[[ChatRecord], None]
    end: Callable[[list[ChatRecord]], None]


def json_lines(*, chunks: bool, text: bool) -> Show:
    """A record a line."""
    return Show(each=lambda record: click.echo(orjson.dumps(record.to_json(chunks=chunks, text=text))), end=lambda _: None)


def for_people(url: str, chats: int, *, with_text: bool) -> Show:
    """Where the time of a single chat went; of several a line each, and what they come to."""
    from cli.summary import failures, gathered, left_out, loads, summary_table
    from cli.waterfall import chat_report, one_line, printable

    console = console_for_people()
    if chats == 1:
        return Show(
            each=lambda record: console.print(chat_report(record, url=url, console=console, with_text=with_text)),
            end=lambda _: None,
        )
    numbers = count(1)

    def each(record: ChatRecord) -> None:
        console.print(one_line(next(numbers), record))
        if with_text and record.text:
            console.print(printable(record.text))

    def end(records: list[ChatRecord]) -> None:
        if records:
            console.print(summary_table(records), *left_out(records), *loads(records), *gathered(records), *failures(records), sep="\n")

    return Show(each, end)
