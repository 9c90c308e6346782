"""How long the report of a run takes, and how large it is: `python -m benchmarks.report [--chats 10000]`.

The run is computed, with 100 tokens an answer, three engines and three levels; the report is made by the command, imports and
charts included. `docs/reports.md` has the figures.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bench.results.listing import chats_of
from tests.bench.report.computed import Plan, computed_run

USERS, ROUNDS, ENGINES = (1, 8, 32), 5, 3


@click.command()
@click.option("--chats", type=int, default=10_000, show_default=True)
def main(chats: int) -> None:
    """Print what a report takes."""
    each = max(1, round(chats / (sum(USERS) * ROUNDS * ENGINES)))
    with tempfile.TemporaryDirectory() as folder:
        run = computed_run(Path(folder), Plan(users=USERS, rounds=ROUNDS, chats=each, tokens=100))
        records_mb = (run.folder / "records.ndjson").stat().st_size / 1e6
        click.echo(f"a run of {chats_of(run):,} chats, {records_mb:.0f} MB of records")
        summary = run.folder / "summary.md"
        for options, file in (((), "report.html"), (("--pdf",), "report.pdf"), (("--summary", "--output", str(summary)), "summary.md")):
            began = time.monotonic()
            subprocess.run([sys.executable, "-m", "cli", "results", "report", str(run.folder), *options], check=True, stdout=subprocess.DEVNULL)
            took = time.monotonic() - began
            click.echo(f"{' '.join(options[:1]) or 'page'}: {(run.folder / file).stat().st_size / 1e6:.2f} MB, made in {took:.1f} s")


if __name__ == "__main__":
    main()
