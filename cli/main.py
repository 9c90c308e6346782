"""The entry point `chatprobe`: names the commands and loads the one that is called."""

from __future__ import annotations

from importlib import import_module

import click

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


class Commands(click.Group):
    """Loads `cli/<name>.py` for the command that is called, so that each starts without what the others need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatprobe", prog_name="chatprobe")
def main() -> None:
    """Blackbox exporter for streaming LLM chat: what the users of LLM engines feel, for Prometheus."""
