"""`chatprobe discover`: what discovery finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.configuration import config_option, read_or_exit

if TYPE_CHECKING:
    from rich.table import Table

    from cli.findings import Finding, Findings

WIDTH_WITHOUT_TERMINAL = 240


@click.command()
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(configs: tuple[Path, ...], as_json: bool) -> None:
    """Look for targets once: which there are, how each is reached, its TLS, its health, its engine; what was passed over, and why.

    Chats with none of them. Exits with 1 if something could not be looked at.
    """
    import asyncio

    from cli.findings import find
    from config.secrets import SecretError

    config = read_or_exit(configs)
    try:
        found = asyncio.run(find(config))
    except SecretError as error:
        raise click.ClickException(f"a secret cannot be read: {error}") from error
    if as_json:
        import orjson

        click.echo(orjson.dumps(_plain(found), option=orjson.OPT_INDENT_2).decode())
    else:
        _show(found)
    if found.problems:
        raise click.exceptions.Exit(1)


def _show(found: Findings) -> None:
    from cli.streams import console_for_people

    console = console_for_people(width_without_terminal=WIDTH_WITHOUT_TERMINAL)
    if found.targets:
        console.print(_table(found), crop=False)
    else:
        click.echo("no targets were found")
    for line in (*_notes(found), *_passed_over(found)):
        click.echo(line)
    for problem in found.problems:
        click.echo(f"problem: {problem}", err=True)


def _table(found: Findings) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    for name in ("target", "found", "url", "TLS", "engine", "version", "health", "ready pods"):
        table.add_column(name, overflow="fold")
    for one in found.targets:
        health = Text("unhealthy", style="red") if one.health else Text("healthy", style="green")
        table.add_row(one.name, _through(one), one.url, _tls(one), one.member.endpoint.backend, one.version or "-", health, _pods(one))
    return table


def _through(one: Finding) -> str:
    return one.way.candidate.way.through if one.way else {"static": "configuration", "files": "file"}[one.member.source]


def _tls(one: Finding) -> str:
    from datetime import UTC, datetime

    way = one.way.candidate.way if one.way else None
    parts = [way.termination] if way and way.termination else []
    if not one.url.startswith("https://"):
        return ", ".join([*parts, "not used"]) if parts else "none"
    certificate = one.certificate
    if certificate is None or certificate.trusted is None:
        parts.append("certificate not seen")
    elif not certificate.trusted:
        parts.append("certificate not accepted")
    elif certificate.ends is None:
        parts.append("certificate not checked")
    else:
        parts.append(f"certificate until {datetime.fromtimestamp(certificate.ends, UTC):%Y-%m-%d}")
    if way:
        parts.append(f"HTTP {way.plain_http}")
    return ", ".join(parts)


def _pods(one: Finding) -> str:
    from collections import Counter

    if one.member.replicas is None:
        return "-"
    zones = Counter(replica.zone for replica in one.member.replicas if replica.zone)
    where = f" ({', '.join(f'{count} in {zone}' for zone, count in sorted(zones.items()))})" if zones else ""
    return f"{len(one.member.replicas)}{where}"


def _notes(found: Findings) -> Iterator[str]:
    for one in found.targets:
        if one.health:
            yield f"{one.name}: unhealthy: {one.health}"
        if one.way and one.way.note:
            yield f"{one.name}: {one.way.note}"
        if one.certificate is not None and one.certificate.trusted is False and one.url.startswith("https://"):
            yield f"{one.name}: its certificate is not accepted: {one.certificate.detail}"
        for text in one.way.candidate.against_others if one.way else ():
            yield f"{one.name}: not otherwise: {text}"


def _passed_over(found: Findings) -> Iterator[str]:
    for one in found.passed_over:
        yield f"passed over: {one.name}: {one.why}" if one.name else f"passed over: {one.why}"


def _plain(found: Findings) -> dict[str, Any]:
    return {
        "targets": [_plain_target(one) for one in found.targets],
        "passed_over": [{"name": one.name, "why": one.why} for one in found.passed_over],
        "problems": list(found.problems),
    }


def _plain_target(one: Finding) -> dict[str, Any]:
    way = one.way.candidate.way if one.way else None
    certificate = one.certificate
    return {
        "name": one.name,
        "source": one.member.source,
        "way": way.kind if way else None,
        "through": _through(one),
        "url": one.url,
        "tls": {
            "used": one.url.startswith("https://"),
            "termination": way.termination if way else None,
            "plain_http": way.plain_http if way else None,
            "certificate_accepted": certificate.trusted if certificate else None,
            "certificate_ends": certificate.ends if certificate else None,
            "detail": certificate.detail if certificate else "",
        },
        "backend": one.member.endpoint.backend,
        "version": one.version,
        "models": list(one.models),
        "healthy": not one.health,
        "health_detail": one.health,
        "replicas": None if one.member.replicas is None else [{"name": pod.name, "zone": pod.zone} for pod in one.member.replicas],
        "note": one.way.note if one.way else "",
        "not_otherwise": list(one.way.candidate.against_others) if one.way else [],
    }
