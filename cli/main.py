"""The entry point `chatprobe`: names the commands and loads the one that is called."""

from __future__ import annotations

from typing import Any

import click

from cli.codes import INTERRUPTED
from cli.elsewhere import Elsewhere
from cli.streams import hold_closed, speak_any_text, written

COMMANDS = {
    "serve": "Run the exporter: probe the configured targets around the clock and serve /metrics.",
    "probe": "Probe one engine now and show where the time went.",
    "demo": "Run the exporter on three simulated engines, with a live table.",
    "race": "Ask several engines the same at the same instant, and watch their answers come.",
    "bench": "Run the same load against several engines, and say which is better at what.",
    "results": "List, show, export, import and clear away what benchmark runs left on disk.",
    "check": "Validate configuration files.",
    "discover": "Show which targets discovery finds, and how each is reached.",
    "validate": "Say whether a cluster is fit for a comparison of engines.",
    "alerts": "Write Prometheus rules and alerts from the SLOs, or check that they are up to date.",
    "dashboards": "Write the Grafana dashboards, or check them.",
    "init": "Write a commented configuration to start from.",
    "explain": "Say what a reason, metric, alert or measure means, and what to do about it.",
    "simulate": "Run one simulated engine, with latency and fault options.",
}


class Commands(Elsewhere):
    """Loads `cli/<name>.py` for the command that is called, so that each starts without what the others need."""

    def make_context(self, *arguments: Any, **settings: Any) -> click.Context:
        hold_closed()
        speak_any_text()
        with written():  # --help and --version are answered here
            return super().make_context(*arguments, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with written():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, elsewhere={name: f"cli.{name}" for name in COMMANDS}, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatprobe", prog_name="chatprobe")
def main() -> None:
    """Blackbox exporter for streaming LLM chat: what the users of LLM engines feel, for Prometheus."""
