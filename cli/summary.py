"""Several chats for people: a table of what was measured, and what went wrong how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from cli.quantiles import weighted_quantile
from cli.waterfall import failure_lines, gathered_lines, load_lines
from probes.record import ChatRecord
from probes.spare import told

Weighted = list[tuple[float, int]]
_COLUMNS: tuple[tuple[str, float], ...] = (("min", 0.0), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))


def summary_table(records: Sequence[ChatRecord]) -> Table:
    """Each measure over all chats that have it, those included that failed on the way; ITL counts once for each token. One that none has is
    left out.

    E2E is of whole answers: how long it takes to fail makes no engine quick.
    """
    table = Table(title=_outcomes(records), title_justify="left")
    table.add_column()
    for name in ("mean", *(name for name, _ in _COLUMNS)):
        table.add_column(name, justify="right")
    _add(table, "TTFT ms", _once(records, lambda record: record.ttft_seconds), 1000)
    _add(table, "ITL ms", [pair for record in records for pair in record.inter_token_latencies()], 1000)
    _add(table, "TPOT ms", _once(records, lambda record: record.tpot_seconds), 1000)
    _add(table, "E2E s", _once(records, lambda record: record.whole_answer_seconds), 1)
    _add(table, "tokens/s", _once(records, lambda record: record.output_tokens_per_second), 1)
    _add(table, "output tokens", _once(records, lambda record: record.output_tokens), 1)
    return table


def left_out(records: Sequence[ChatRecord]) -> Iterator[Text]:
    """Which fields chats went without, and what that costs."""
    if fields := {field for record in records for field in record.left_out}:
        yield Text(f"left out, as the server refuses it: {told(fields)}")


def failures(records: Sequence[ChatRecord]) -> Iterator[Text]:
    """The first failure of each reason, and how many there were."""
    counts = Counter(record.reason for record in records if record.reason is not None)
    for reason, count in counts.most_common():
        example = next(record for record in records if record.reason is reason)
        yield Text(f"{count} of {len(records)} chats")
        yield from failure_lines(example)


def gathered(records: Sequence[ChatRecord]) -> Iterator[Text]:
    """Of how many chats something on the way gathered the tokens, and how in the first; nothing where it did in none."""
    found = [record for record in records if record.bursts is not None]
    if found:
        yield Text(f"{len(found)} of {len(records)} chats")
        yield from gathered_lines(found[0])


def loads(records: Sequence[ChatRecord]) -> Iterator[Text]:
    """For how many chats the engine loaded the model, and how in the first; nothing where it did for none."""
    found = [record for record in records if record.load is not None]
    if found:
        yield Text(f"{len(found)} of {len(records)} chats")
        yield from load_lines(found[0])


def _outcomes(records: Sequence[ChatRecord]) -> str:
    counts = Counter(record.outcome for record in records)
    doubtful = sum(record.doubtful for record in records)
    said = [f"{len(records)} chats: {', '.join(f'{count} {outcome}' for outcome, count in counts.items())}"]
    clocks = Counter(record.clock for record in records if record.chunks)
    if clocks:
        said.append(f"clock {', '.join(clocks)}")
        said.append(f"{doubtful} doubtful")
    return ", ".join(said)


def _once(records: Sequence[ChatRecord], measure: Callable[[ChatRecord], float | None]) -> Weighted:
    return [(value, 1) for record in records if (value := measure(record)) is not None]


def _add(table: Table, name: str, observed: Weighted, scale: float) -> None:
    if not observed:
        return
    weight = sum(weight for _, weight in observed)
    mean = sum(value * weight for value, weight in observed) / weight
    cells = [mean, *(weighted_quantile(observed, share) for _, share in _COLUMNS)]
    table.add_row(name, *("-" if cell is None else f"{cell * scale:.2f}" for cell in cells))
