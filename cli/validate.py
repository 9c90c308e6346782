"""`chatprobe validate`: whether a cluster is fit for a comparison of engines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.configuration import config_option, read_or_exit

if TYPE_CHECKING:
    from cli.findings import Finding, Findings
    from config.model import Config
    from discovery.kubernetes.fitness import Check, Subject

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "yellow"}


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the checks as JSON.")
def command(configs: tuple[Path, ...], as_json: bool) -> None:
    """Say whether the cluster is fit for a comparison of engines: each check with what was found, and what would mend it.

    Looks, and changes nothing. Exits with 1 if a check failed; one that could not be made, for want of a right, does not fail.
    """
    import asyncio

    from cli.findings import find
    from config.secrets import SecretError
    from discovery.kubernetes.api import ApiError
    from discovery.kubernetes.fitness import checks
    from discovery.kubernetes.survey import survey

    config = read_or_exit(configs)
    settings = config.discovery.kubernetes
    if settings is None:
        raise click.ClickException("the configuration names no cluster; write discovery: {kubernetes: {namespaces: [NAMESPACE]}}")
    try:
        found = asyncio.run(find(config))
        surveyed = survey(settings)
    except SecretError as error:
        raise click.ClickException(f"a secret cannot be read: {error}") from error
    except ApiError as error:
        raise click.ClickException(str(error)) from error
    made = list(checks(_subjects(found), surveyed, _longest_chat_seconds(config)))
    _show(made, found.problems, as_json=as_json)
    if any(check.verdict == "failed" for check in made):
        raise click.exceptions.Exit(1)


def _subjects(found: Findings) -> list[Subject]:
    """The engines of the comparison; one that is reached by two ways is one."""
    subjects: dict[str, Subject] = {}
    for one in found.targets:
        subject = _subject(one)
        subjects.setdefault(subject.service or subject.name, subject)
    return list(subjects.values())


def _subject(one: Finding) -> Subject:
    from discovery.kubernetes.fitness import Subject

    place = one.way.candidate.place if one.way else None
    return Subject(
        one.name,
        f"{place.namespace}/{place.name}" if place else None,
        one.member.endpoint.backend,
        not one.health,
        one.models,
        one.member.endpoint.model,
        None if one.member.replicas is None else len(one.member.replicas),
    )


def _longest_chat_seconds(config: Config) -> float:
    return max(scenario.timeout_seconds for scenario in config.scenarios.values())


def _show(made: Sequence[Check], problems: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        from dataclasses import asdict

        import orjson

        click.echo(orjson.dumps({"checks": [asdict(check) for check in made], "problems": list(problems)}, option=orjson.OPT_INDENT_2).decode())
        return
    width = max(len(check.name) for check in made)
    for check in made:
        click.echo(f"{click.style(f'{check.verdict:<8}', fg=_COLOURS[check.verdict])} {check.name:<{width}}  {check.found}")
        if check.remedy:
            click.echo(f"{'':<8} {'':<{width}}  -> {check.remedy}")
    for problem in problems:
        click.echo(f"problem: {problem}", err=True)
