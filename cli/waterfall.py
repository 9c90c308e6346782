"""One chat for people: its phases as a waterfall of bars, and what was measured on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, Group
from rich.text import Text

from cli.quantiles import weighted_quantile
from cli.remedies import GATHERED_REMEDY, remedy
from probes.record import ChatRecord
from probes.spare import told

_NAME_COLUMNS = 10
_SECONDS_COLUMNS = 13
_WIDEST_BAR = 100


def chat_report(record: ChatRecord, *, url: str, console: Console, with_text: bool) -> Group:
    """Everything that one chat has to tell, for the width and the character set of the console."""
    parts = [*_headline(record, url), Text(), *waterfall(record, console.width, block=_block(console)), Text()]
    parts += [*_measures(record), *load_lines(record), *gathered_lines(record), *failure_lines(record)]
    if with_text and record.text:
        parts += [Text(), Text(printable(record.text))]
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class _Bar:
    """A line of the waterfall. `begin_seconds` is from the chat's start; `seconds` None for what did not happen."""

    name: str
    begin_seconds: float
    seconds: float | None
    style: str


def waterfall(record: ChatRecord, columns: int, *, block: str = "█") -> Iterator[Text]:
    """A line for each phase, and for each part that the engine told of. A bar is to the scale of the whole chat, and has at least one block,
    on the narrowest terminal too.
    """
    bars = [*_phases(record), *_server_parts(record)]
    names = max(_NAME_COLUMNS, *(len(bar.name) + 3 for bar in bars))
    width = max(min(columns - names - _SECONDS_COLUMNS, _WIDEST_BAR), 1)
    whole = record.e2e_seconds or 1e-9
    for bar in bars:
        line = Text(f"  {bar.name:<{names - 2}}", no_wrap=True)
        if bar.seconds is None:
            line.append(f"{'':{width}}{'-':>{_SECONDS_COLUMNS}}", style="dim")
        else:
            begin = min(round(bar.begin_seconds / whole * width), width - 1)
            end = min(max(round((bar.begin_seconds + bar.seconds) / whole * width), begin + 1), width)
            line.append(f"{' ' * begin}{block * (end - begin)}{' ' * (width - end)}", style=bar.style)
            line.append(f"{f'{bar.seconds:.5f} s':>{_SECONDS_COLUMNS}}")
        yield line


def _phases(record: ChatRecord) -> Iterator[_Bar]:
    """Each phase begins where the one before it ended."""
    offset = 0.0
    took = record.phases()
    last = max((name for name, seconds in took.items() if seconds is not None), key=list(took).index)
    for name, seconds in took.items():
        yield _Bar(name, offset, seconds, "red" if record.failure is not None and name == last else "cyan")
        offset += seconds or 0.0


def _server_parts(record: ChatRecord) -> Iterator[_Bar]:
    """What the engine said it did. Its clock is not ours: its first token is put where ours came, and what is left of the wait before it all."""
    parts = {name: seconds for name, seconds in record.native.parts().items() if seconds is not None}
    if record.first_token_ns is None:
        return
    first_token = (record.first_token_ns - record.started_ns) / 1e9
    offset = max(0.0, first_token - sum(seconds for name, seconds in parts.items() if name != "decode"))
    for name, seconds in parts.items():
        begin = first_token if name == "decode" else offset
        yield _Bar(f"server {name}", begin, seconds, "magenta")
        offset = begin + seconds


def failure_lines(record: ChatRecord) -> Iterator[Text]:
    """The reason, what was seen, and what to do about it; nothing for a chat that did not fail."""
    if record.failure is not None:
        yield Text.assemble((f"failed: {record.failure.reason}", "bold red"), f": {printable(record.failure.detail)}")
        yield Text(f"remedy: {remedy(record.failure, record.backend)}")
        yield Text(f"more: chatprobe explain {record.failure.reason}", "dim")


def gathered_lines(record: ChatRecord) -> Iterator[Text]:
    """How something on the way gathered the tokens, and what to do about it; nothing for a chat whose tokens came as they were made."""
    found = record.bursts
    if found is not None:
        how = "all tokens at once" if found.every_seconds is None else f"some {found.chunks} chunks at once, each {milliseconds(found.every_seconds)}"
        yield Text.assemble(("gathered", "bold yellow"), f": {how}: something on the way holds them back, and their times are not the engine's")
        yield Text(f"remedy: {GATHERED_REMEDY}")


def load_lines(record: ChatRecord) -> Iterator[Text]:
    """That the engine loaded the model for the chat; nothing for one that found it in memory."""
    if record.load is not None:
        seconds = record.native.load_seconds or 0
        text = f": for {seconds:.2f} s the engine loaded the model, which is in the time to first token"
        if record.load == "unwanted":
            text += "; nobody allowed it: its users have other load options, and wait for it too"
        yield Text.assemble(("loaded", "bold yellow"), text)


def one_line(number: int, record: ChatRecord) -> Text:
    """A chat among several."""
    line = Text(f"{number:>5}  ", no_wrap=True, overflow="ellipsis")
    if record.failure is not None:
        return line.append(f"{record.failure.reason}", style="red").append(f": {printable(record.failure.detail)}")
    line.append(record.outcome, style="green" if record.outcome == "ok" else "yellow")
    return line.append(
        f"  TTFT {milliseconds(record.ttft_seconds):>10}  TPOT {milliseconds(record.tpot_seconds):>10}"
        f"  E2E {record.e2e_seconds:8.3f} s  {_count(record.output_tokens)} tokens"
    )


def milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.2f} ms"


def printable(text: str) -> str:
    """Text of an engine without what would move the terminal's cursor or colour it."""
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


def _headline(record: ChatRecord, url: str) -> Iterator[Text]:
    style = {"ok": "bold green", "failed": "bold red"}.get(record.outcome, "bold yellow")
    head = Text.assemble((record.outcome, style), f"  {record.backend} at {url}, model {printable(record.model)}")
    if record.connection is not None:
        head.append(f", {record.connection} connection")
    yield head
    status = "no status" if record.http_status is None else f"status {record.http_status}"
    yield Text(f"{status}, prompt {record.prompt_id} ({record.cache})")
    yield Text(f"request {record.request_id}")
    if record.left_out:
        yield Text(f"left out, as the server refuses it: {told(record.left_out)}")


def _measures(record: ChatRecord) -> Iterator[Text]:
    """What a chat without a token has not, is not shown."""
    if record.chunks:
        yield from _of_tokens(record)
    yield _measure("E2E", f"{record.e2e_seconds:.3f} s")
    if record.content_encoding is not None:
        yield _measure("coding", f"{record.content_encoding}, unasked; what compresses may hold tokens back")
    if record.chunks:
        doubt = ", doubtful" if record.doubtful else ""
        yield _measure("clock", f"{record.clock}, timing error at most {milliseconds(record.max_timing_error_seconds)}{doubt}")


def _of_tokens(record: ChatRecord) -> Iterator[Text]:
    latencies = list(record.inter_token_latencies())
    ttft = milliseconds(record.ttft_seconds)
    if record.first_content_seconds is not None and record.first_content_seconds != record.ttft_seconds:
        ttft += f", answer text after {milliseconds(record.first_content_seconds)}"
    yield _measure("TTFT", ttft)
    yield _measure("ITL", f"p50 {milliseconds(weighted_quantile(latencies, 0.5))}, p99 {milliseconds(weighted_quantile(latencies, 0.99))}")
    yield _measure("TPOT", milliseconds(record.tpot_seconds) + _beside_native(record))
    rate = record.output_tokens_per_second
    yield _measure(
        "tokens",
        f"{_count(record.output_tokens)} out in {len(record.chunks)} chunks{_of_chunks(record)}, {_count(record.input_tokens)} in"
        + ("" if rate is None else f", {rate:.1f} tokens/s"),
    )


def _beside_native(record: ChatRecord) -> str:
    """How our time per token differs from the engine's own, where it does by much."""
    if record.native_tpot_factor is None:
        return ""
    return f", {record.native_tpot_factor:.1f} times the {milliseconds(record.native_tpot_seconds)} that the engine tells"


def _of_chunks(record: ChatRecord) -> str:
    """What is to be known of the tokens in the chunks."""
    if record.chunks[0].tokens is None:
        return " (how many in each cannot be told)"
    return " (apportioned by length of text)" if record.chunk_token_source == "apportioned" else ""


def _measure(name: str, value: str) -> Text:
    return Text(f"  {name:<{_NAME_COLUMNS - 2}}{value}")


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)


def _block(console: Console) -> str:
    try:
        "█".encode(console.encoding)
    except UnicodeEncodeError:
        return "#"
    return "█"
