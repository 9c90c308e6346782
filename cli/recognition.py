"""Finds out which engine answers at a URL that was given without one, as discovery does, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from probes import backends

if TYPE_CHECKING:
    from probes.ask import Endpoint
    from probes.control import Control

_UNANSWERED = "check host and port, and that the engine is running there"
_PLAIN = "no TLS is spoken there: write http:// in place of https://"
_PLAIN_SIGNS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
"""What OpenSSL says, by its version, where a server answers the handshake in plain text."""


async def recognised(control: Control, endpoint: Endpoint, remedy: str) -> str:
    """The backend's name; on standard error, how it is known. Raises `ClickException`, with the remedy, where no engine can be told."""
    from exporter.urls import shown_url
    from probes.control import ControlError, NoAnswerError

    url = shown_url(endpoint.url)
    try:
        name = await control.recognised(endpoint)
    except NoAnswerError as error:
        unanswered = _PLAIN if any(sign in str(error) for sign in _PLAIN_SIGNS) else _UNANSWERED + (", with TLS" if url.startswith("https:") else "")
        raise click.ClickException(f"it cannot be told which engine answers at {url}, as nobody does ({error}); {unanswered}") from None
    except ControlError as error:
        raise click.ClickException(f"it cannot be told which engine answers at {url} ({error}); {remedy}") from None
    engine = backends.get(name)
    click.echo(f"At {url} answers {engine.title}, by its {endpoint.adaptation.control_path(engine.recognised_at)}.", err=True)
    return name
