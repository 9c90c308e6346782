"""What the options of `chatprobe probe` mean, and what is wrong with them: each error names its option and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

if TYPE_CHECKING:
    from probes.backends.backend import Backend
    from probes.prompts import PromptSpec


class Duration(click.ParamType[float]):
    """Seconds, written as a duration: 30s, 500ms, 1m30s."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from config.durations import read_duration

        try:
            return read_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class ForeignName(click.ParamType[str]):
    """A name that others give, of a model perhaps: the same as in a configuration."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _printable(value, param.opts[0] if param is not None else self.name)


def checked_url(url: str, tls: Mapping[str, object], backend: str | None, chat_path: str | None) -> str:
    """The URL as it was given, without an ending that is added anyway. Raises `click.BadParameter`, as all here do."""
    from config.certificates import fault_of_certificates
    from config.endings import without_ending, words
    from config.rules import check_plain_url, check_tls

    try:
        checked, ending = without_ending(check_plain_url(url), backend, chat_path)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="URL") from None
    if ending:
        click.echo(f"URL: {words(ending)}", err=True)
    for (_, key), text in check_tls(checked, tls):
        raise click.BadParameter(text, param_hint=f"--{str(key).replace('_', '-')}")
    if isinstance(authorities := tls.get("ca_file"), str) and (fault := fault_of_certificates(authorities)):
        raise click.BadParameter(fault, param_hint="--ca-file")
    return checked


def checked_chat_path(written: str | None) -> str | None:
    """The path of chats, where one was given."""
    from config.adapting import check_chat_path

    try:
        return None if written is None else check_chat_path(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--chat-path") from None


def pairs_of(written: tuple[str, ...]) -> dict[str, str]:
    """What follows every path behind a `?`, by name."""
    pairs: dict[str, str] = {}
    for pair in written:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise click.BadParameter("has no name and value; write NAME=VALUE", param_hint="--query")
        pairs[_printable(name, "--query")] = _printable(value, "--query") if value else ""
    return pairs


def _printable(written: str, option: str) -> str:
    from config.quantities import read_foreign_name

    try:
        return read_foreign_name(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


class Adapted(TypedDict):
    """Settings of `probes.adaptation.Adaptation` by name."""

    omit: frozenset[str]
    extra_body: Mapping[str, object]
    max_tokens_field: str | None


def adapted(engine: Backend, api: str, omit: tuple[str, ...], extra_body: str | None, max_tokens_field: str | None, *, load_model: bool) -> Adapted:
    """What requests go without and with besides, as far as the engine takes it."""
    import orjson

    from config.adapting import check_extra_body, check_max_tokens_field, check_omit

    try:
        extra = {} if extra_body is None else orjson.loads(extra_body)
    except orjson.JSONDecodeError as error:
        raise click.BadParameter(f"is no JSON: {error}; write '{{\"NAME\": VALUE}}'", param_hint="--extra-body") from None
    if not isinstance(extra, dict):
        raise click.BadParameter("is no JSON object; write '{\"NAME\": VALUE}'", param_hint="--extra-body")
    for name in extra:
        _printable(name, "--extra-body")
    findings = [*check_omit(omit, engine, api, load_model=load_model), *check_extra_body(extra, engine, load_model=load_model)]
    if max_tokens_field is not None:
        findings += check_max_tokens_field(max_tokens_field, engine, api)
    for place, text in findings:
        raise click.BadParameter(text, param_hint=f"--{str(place[0]).replace('_', '-')}")
    return Adapted(omit=frozenset(omit), extra_body=extra, max_tokens_field=max_tokens_field)


def headers_of(written: tuple[str, ...], *, has_api_key: bool) -> dict[str, str]:
    """The request headers by name, as they were written."""
    from config.rules import check_header

    headers: dict[str, str] = {}
    for line in written:
        name, colon, value = line.partition(":")
        value = value.strip()
        if not colon:
            raise click.BadParameter("has no colon; write 'NAME: VALUE'", param_hint="--header")
        seen = {known.lower() for known in headers}
        for _, text in check_header(name, value, has_api_key=has_api_key, seen=seen):
            raise click.BadParameter(text, param_hint="--header")
        headers[name] = value
    return headers


def key_in(file: Path | None) -> str | None:
    """The bearer key in a file."""
    if file is None:
        return None
    from config.secrets import SecretError, read_secret
    from config.targets import SecretRef

    try:
        return read_secret(SecretRef(file=str(file)))
    except SecretError as error:
        raise click.BadParameter(str(error), param_hint="--api-key-file") from None


def prompt_of(text: str | None, prompt_set: str | None, input_tokens: int | None) -> PromptSpec:
    """The prompt that one of three options asks for. Raises `click.UsageError` too."""
    from probes.prompts import Named, Synthetic, Text, names

    if sum(given is not None for given in (text, prompt_set, input_tokens)) > 1:
        raise click.UsageError("give one of --prompt, --prompt-set and --input-tokens")
    if input_tokens is not None:
        return Synthetic(input_tokens)
    if text is None:
        if prompt_set is not None and prompt_set not in names():
            raise click.BadParameter(f"there is no prompt set {prompt_set}; there are {', '.join(names())}", param_hint="--prompt-set")
        return Named(prompt_set or "short-question")
    try:
        return Text(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--prompt") from None
