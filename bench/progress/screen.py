"""The board as it is drawn on a terminal, 80 columns or wider."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.progress.board import Board
from bench.progress.standing import Standing
from bench.summary.words import percent, rough_duration

_WIDE = 100
"""From so many columns on, p90 and TPOT's p95 have room."""
_MOST_REASONS = 4
_UNKNOWN = 1.0
"""A number that may be twice what it is, is not known."""


def screen(board: Board, width: int) -> RenderableType:
    """Everything that a person needs to see, in about ten lines."""
    if board.level is None:
        return Text("looking at the engines …", style="dim")
    parts: list[RenderableType] = [_headline(board), *_bar(board, width), _table(board, width)]
    parts += [line for line in (_failures(board), _steadiness(board)) if line is not None]
    parts += [Text.assemble((time.strftime("%H:%M:%S", time.localtime(one.at)), "dim"), "  ", one.words) for one in board.messages]
    parts.append(Text(board.ended or "Ctrl-C ends the run and keeps what was measured.", style="dim", overflow="fold"))
    return Group(*parts)


def _headline(board: Board) -> Text:
    """`quick · level 2 of 3: 40 users · round 2 of 5 · vllm · warming up`."""
    return Text(" · ".join(headline(board)), style="bold", overflow="fold")


def headline(board: Board) -> Iterator[str]:
    """What is measured now, in parts."""
    assert board.level is not None
    if board.name:
        yield board.name
    of = f" of {len(board.levels)}" if len(board.levels) > 1 else ""
    yield f"level {board.level_number}{of}: {board.level.name}" if board.level_number > 1 or of else board.level.name
    if board.rounds > 1 and board.round:
        yield f"round {board.round} of {board.rounds}"
    if board.blocks > 1 and board.block_in_round:
        yield f"block {board.block_in_round} of {board.blocks}" + (f" ({', '.join(board.block.targets)})" if board.block else "")
    now = board.time()
    if board.block is None:
        yield from () if board.ended else ("between blocks",)
    elif now is not None and now.block_done_seconds < board.block.warm_up_seconds:
        yield "warming up"
    elif now is not None and now.block_done_seconds >= now.block_seconds:
        yield "the last chats end"


def _bar(board: Board, width: int) -> Iterator[RenderableType]:
    now = board.time()
    if now is None or board.ended:
        return
    words = f"{minutes(now.block_done_seconds)} of {minutes(now.block_seconds)} · {left(board)}"
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=max(10, min(40, width - len(words) - 3)))
    grid.add_column(no_wrap=True)
    grid.add_row(ProgressBar(total=max(now.block_seconds, 1e-9), completed=now.block_done_seconds), words)
    yield grid


def left(board: Board) -> str:
    """`about 12 min left`, of the run or of this level."""
    now = board.time()
    if now is None:
        return ""
    about = f"{minutes(now.left_seconds)} left"
    return f"about {about}" if now.of_run else f"about {about} of this level"


def minutes(seconds: float) -> str:
    """`0:45`, `12:30`, `1:02:05`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def _table(board: Board, width: int) -> Table:
    wide = width >= _WIDE
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    table.add_column("engine", overflow="ellipsis", no_wrap=True, max_width=24 if wide else 14)
    heads = ["TTFT p50", *(["p90"] if wide else []), "p95", "TPOT p50", *(["p95"] if wide else []), "tokens/s", "ok", "failed"]
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for target, standing in board.standings.items():
        shares = (0.5, 0.9, 0.95) if wide else (0.5, 0.95)
        times = [time_of(standing.ttft.quantile(share)) for share in shares]
        times += [time_of(standing.tpot.quantile(share)) for share in ((0.5, 0.95) if wide else (0.5,))]
        measured_now = board.block is not None and target in board.block.targets
        name = Text(target, style="bold" if measured_now else "")
        table.add_row(name, *times, *_counts(standing, board.open_seconds(target)))
    return table


def _counts(standing: Standing, open_seconds: float) -> tuple[str, str, Text]:
    rate = standing.tokens_per_second(open_seconds)
    failed = Text(f"{standing.failed:,}", style="red" if standing.failed else "")
    return "-" if rate is None else f"{rate:,.0f}", f"{standing.ok:,}", failed


def time_of(seconds: float | None) -> str:
    return "-" if seconds is None else rough_duration(seconds)


def failures(board: Board) -> str:
    """`tgi: 12 connect, 3 stall_timeout; vllm: 1 timeout`; empty where none failed."""
    told = []
    for target, standing in board.standings.items():
        if standing.reasons:
            most = standing.reasons.most_common(_MOST_REASONS)
            more = standing.failed - sum(count for _, count in most)
            counted = ", ".join(f"{count:,} {reason}" for reason, count in most)
            told.append(f"{target}: {counted}" + (f", {more:,} others" if more else ""))
    return "; ".join(told)


def _failures(board: Board) -> Text | None:
    told = failures(board)
    return Text(f"failed  {told}", style="red", overflow="fold") if told else None


def steadiness(board: Board) -> str:
    """`TTFT p95 is known to: vllm ±3 %, tgi not yet`; empty before the first round is over."""
    if not board.rounds_judged:
        return ""
    shares = {target: board.steady.get(target) for target in board.standings}
    told = (f"{target} {'not yet' if share is None or share >= _UNKNOWN else f'±{percent(share)}'}" for target, share in shares.items())
    return f"TTFT p95 is known to: {', '.join(told)}"


def _steadiness(board: Board) -> Text | None:
    told = steadiness(board)
    return Text(told, style="cyan", overflow="fold") if told else None
