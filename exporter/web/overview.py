"""The page at `/`: each target and scenario with what last became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from exporter.urls import shown_url
from probes.record import ChatRecord
from traffic.events import UNKNOWN_MODEL, Breaker, Event, Facts, Skip
from traffic.roster import Roster

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chatprobe</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1a1a1a; background: #fff }}
table {{ border-collapse: collapse; width: 100% }}
th, td {{ border-bottom: 1px solid #ccc; padding: .4rem .8rem .4rem 0; text-align: left; vertical-align: top }}
td.number {{ font-variant-numeric: tabular-nums }}
.ok {{ color: #166534 }}
.failed {{ color: #991b1b }}
</style>
</head>
<body>
<h1>chatprobe</h1>
<p>{state}</p>
<table>
<thead>
<tr><th>Target</th><th>Engine</th><th>Model</th><th>Scenario</th><th>Last outcome</th><th>TTFT</th><th>Whole chat</th><th>At (UTC)</th></tr>
</thead>
<tbody>
{rows}
</tbody>
</table>
<p><a href="/metrics">Metrics</a> · <a href="/config">Configuration</a> · <a href="/-/healthy">Health</a> · <a href="/-/ready">Readiness</a></p>
</body>
</html>
"""


class Overview:
    """A sink that remembers the last event of each target and scenario, and shows them."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._models: dict[str, str] = {}
        self._broken: set[str] = set()
        self._last: dict[tuple[str, str], ChatRecord | Skip] = {}

    def follow(self, roster: Roster) -> None:
        """Show these targets and scenarios from now on; what is gone is forgotten."""
        self._roster = roster
        self._models = {name: model for name, model in self._models.items() if name in roster.members}
        self._broken &= roster.members.keys()
        self._last = {key: event for key, event in self._last.items() if key[0] in roster.members and key[1] in roster.config.scenarios}

    def __call__(self, event: Event) -> None:
        match event:
            case Facts():
                self._models[event.target] = event.model
            case Breaker(target=target):
                (self._broken.add if event.open else self._broken.discard)(target)
            case ChatRecord() if event.outcome == "cancelled":
                pass
            case ChatRecord() | Skip():
                self._last[event.target, event.scenario] = event

    def html(self, not_ready: str | None) -> str:
        """The page; `not_ready` says why nothing is probed, if nothing is."""
        state = "Probing." if not_ready is None else f"Not probing: {escape(not_ready)}."
        return _PAGE.format(state=state, rows="\n".join(self._rows()))

    def _rows(self) -> Iterator[str]:
        for scenario, settings in self._roster.config.scenarios.items():
            for name in self._roster.of(settings):
                target = self._roster.members[name].target
                url = escape(shown_url(target.url))
                model = self._models.get(name) or target.model or UNKNOWN_MODEL
                held_back = "<br><small>breaker open</small>" if name in self._broken else ""
                cells = (f"{escape(name)}{held_back}", f"{target.backend}<br><small>{url}</small>", escape(model), escape(scenario))
                yield f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}{_last(self._last.get((name, scenario)))}</tr>"


def _last(event: ChatRecord | Skip | None) -> str:
    match event:
        case None:
            return '<td>none yet</td><td class="number"></td><td class="number"></td><td></td>'
        case Skip():
            return f'<td>skipped: {event.reason}</td><td class="number"></td><td class="number"></td><td class="number">{_time(event.at)}</td>'
        case ChatRecord():
            outcome = "ok" if event.failure is None else f"failed: {event.failure.reason}<br><small>{escape(event.failure.detail)}</small>"
            ttft = "" if event.ttft_seconds is None else f"{event.ttft_seconds * 1000:.1f} ms"
            return (
                f'<td class="{event.outcome}">{outcome}</td><td class="number">{ttft}</td>'
                f'<td class="number">{event.e2e_seconds:.3f} s</td><td class="number">{_time(event.started_at)}</td>'
            )


def _time(epoch_seconds: float) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
