"""How the engines stand: what the demo's table says of each, kept up to date by the exporter's events."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from cli.quantiles import quantile, weighted_quantile
from probes.record import ChatRecord
from traffic.events import Event, Skip

RECENT = 50
"""Over how many of an engine's last chats the quantiles are taken."""


@dataclass
class Standing:
    """One engine, as its chats showed it so far. Quantiles are None until a chat has what they are taken of."""

    state: str = "starting"
    chats: int = 0
    failures: int = 0
    _recent: deque[ChatRecord] = field(default_factory=lambda: deque(maxlen=RECENT))

    def take(self, event: Event) -> None:
        match event:
            case Skip():
                self.state = f"skipped: {event.reason}"
            case ChatRecord(outcome="ok" | "failed"):
                self.chats += 1
                self.failures += event.outcome == "failed"
                self.state = event.reason or "ok"
                self._recent.append(event)

    def ttft_seconds(self, share: float) -> float | None:
        return quantile((record.ttft_seconds for record in self._recent if record.ttft_seconds is not None), share)

    def itl_seconds(self, share: float) -> float | None:
        return weighted_quantile((pair for record in self._recent for pair in record.inter_token_latencies()), share)

    def e2e_seconds(self, share: float) -> float | None:
        return quantile((seconds for record in self._recent if (seconds := record.whole_answer_seconds) is not None), share)

    def tokens_per_second(self) -> float | None:
        rates = (record.output_tokens_per_second for record in self._recent)
        return quantile((rate for rate in rates if rate is not None), 0.5)


class Standings:
    """A sink that keeps the standing of every engine."""

    def __init__(self, engines: Iterable[str]) -> None:
        self.engines = {name: Standing() for name in engines}

    def __call__(self, event: Event) -> None:
        if isinstance(event, ChatRecord | Skip):
            self.engines[event.target].take(event)

    def table(self) -> Table:
        """For a terminal of 80 columns."""
        table = Table(title=f"p50 / p95 of the last {RECENT} chats", title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=0)
        table.add_column("engine", no_wrap=True, min_width=6)
        table.add_column("state", overflow="fold", min_width=10, max_width=10)
        for name in ("TTFT ms", "ITL ms", "E2E s", "tokens/s", "chats", "failed"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, engine in self.engines.items():
            state = Text(engine.state, style={"ok": "green", "starting": "dim"}.get(engine.state, "red"))
            table.add_row(name, state, *_cells(engine), str(engine.chats), str(engine.failures))
        return table

    def lines(self) -> Iterator[str]:
        """A line for each engine, where there is no terminal."""
        for name, engine in self.engines.items():
            ttft, itl, e2e, rate = _cells(engine)
            yield (
                f"{name:<8}{engine.state:<10} TTFT {ttft} ms  ITL {itl} ms  E2E {e2e} s  {rate} tokens/s"
                f"  chats {engine.chats}  failed {engine.failures}"
            )


def _cells(engine: Standing) -> tuple[str, str, str, str]:
    shares = (0.5, 0.95)
    return (
        _pair((engine.ttft_seconds(share) for share in shares), 1000, 1),
        _pair((engine.itl_seconds(share) for share in shares), 1000, 1),
        _pair((engine.e2e_seconds(share) for share in shares), 1, 2),
        _pair((engine.tokens_per_second(),), 1, 1),
    )


def _pair(values: Iterable[float | None], scale: float, digits: int) -> str:
    return " / ".join("-" if value is None else f"{value * scale:.{digits}f}" for value in values)
