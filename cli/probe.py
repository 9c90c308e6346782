"""`chatprobe probe`: probe one engine now and show where the time went."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from cli.paths import ANY_FILE, READABLE_FILE
from cli.probe_options import Duration, ForeignName, adapted, checked_chat_path, checked_url, headers_of, key_in, pairs_of, prompt_of
from probes import backends
from probes.wording import listed

if TYPE_CHECKING:
    from probes.ask import Cache, ConnectionPolicy, Endpoint, TraceContext

_OWN_APIS = " ".join(f"{api} is {owner.title}'s own {form.path}." for owner, api, form in backends.own_apis())
_ADAPTERS = backends.titles(lambda backend: backend.takes_adapters)
_LOADING = backends.titles(lambda backend: backend.on_demand)


@click.command(context_settings={"show_default": True})
@click.argument("url")
@click.option("--backend", type=click.Choice(backends.names()), help="Which engine answers there; left out: it is asked.")
@click.option("--model", type=ForeignName(), metavar="NAME", help="Model to chat with; left out: the first that the engine lists, or has in memory.")
@click.option("--adapter", type=ForeignName(), metavar="NAME", help=f"{listed(_ADAPTERS, 'or')}: LoRA adapter to chat with, in place of a model.")
@click.option("--chat-path", metavar="PATH", help="Path of chats below URL, where it is not the API's own, like /chat/completions.")
@click.option("--omit", multiple=True, type=ForeignName(), metavar="FIELD", help="Leave a field out of requests, like seed; repeatable.")
@click.option("--extra-body", metavar="JSON", help="More fields for requests, like '{\"top_p\": 1}'.")
@click.option("--max-tokens-field", type=ForeignName(), metavar="NAME", help="Name of the field that bounds the answer, like max_completion_tokens.")
@click.option("--query", multiple=True, metavar="NAME=VALUE", help="What follows every path behind a ?; repeatable.")
@click.option("--api", type=click.Choice(backends.apis()), default="chat", help=_OWN_APIS)
@click.option("--count", type=click.IntRange(1), default=1, metavar="N", help="How many chats.")
@click.option("--concurrency", type=click.IntRange(1), default=1, metavar="N", help="How many of them at once.")
@click.option("--prompt", metavar="TEXT", help="What to say.")
@click.option("--prompt-set", metavar="NAME", help="Take prompts from this set in turn; left out, from short-question.")
@click.option("--input-tokens", type=click.IntRange(1), metavar="N", help="Say words of about N tokens.")
@click.option("--max-tokens", type=click.IntRange(1), default=64, metavar="N", help="Longest answer.")
@click.option("--cache", type=click.Choice(["cold", "warm"]), default="cold", help="cold: each prompt is new to the engine's prefix cache.")
@click.option("--connection", type=click.Choice(["reuse", "fresh"]), default="reuse", help="fresh opens a connection for each chat.")
@click.option("--thinking", is_flag=True, help="Let a reasoning model think first.")
@click.option(
    "--trace-context",
    type=click.Choice(["sampled", "unsampled", "none"]),
    default="sampled",
    help="sampled: the engine's tracer records the chat, under its request id; none sends no traceparent.",
)
@click.option("--load-model", is_flag=True, help=f"Have {listed(_LOADING, 'or')} load the model if it is not in memory.")
@click.option("--load-timeout", type=Duration(), help="For loading the model, with --load-model; left out: 5m.")
@click.option("--connect-timeout", type=Duration(), default="5s", help="For resolving, connecting and the TLS handshake.")
@click.option("--first-token-timeout", type=Duration(), default="30s", help="For the first token, once the request is sent.")
@click.option("--stall-timeout", type=Duration(), default="10s", help="For each gap between tokens.")
@click.option("--timeout", type=Duration(), default="2m", help="For the whole chat.")
@click.option("--api-key-file", type=ANY_FILE, metavar="FILE", help="File that holds the bearer key.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="One more request header; repeatable.")
@click.option("--ca-file", type=READABLE_FILE, metavar="FILE", help="Authorities (PEM) to trust instead of the system's.")
@click.option("--insecure", is_flag=True, help="Accept any certificate.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="json prints a record a line, as soon as each chat ends.")
@click.option("--no-chunks", is_flag=True, help="Leave the chunks out of JSON records.")
@click.option("--text", "with_text", is_flag=True, help="Show the answers.")
def command(
    url: str,
    backend: str | None,
    model: str | None,
    adapter: str | None,
    chat_path: str | None,
    omit: tuple[str, ...],
    extra_body: str | None,
    max_tokens_field: str | None,
    query: tuple[str, ...],
    api: str,
    count: int,
    concurrency: int,
    prompt: str | None,
    prompt_set: str | None,
    input_tokens: int | None,
    max_tokens: int,
    cache: str,
    connection: str,
    thinking: bool,
    trace_context: str,
    load_model: bool,
    load_timeout: float | None,
    connect_timeout: float,
    first_token_timeout: float,
    stall_timeout: float,
    timeout: float,
    api_key_file: Path | None,
    headers: tuple[str, ...],
    ca_file: Path | None,
    insecure: bool,
    output: str,
    no_chunks: bool,
    with_text: bool,
) -> None:
    """Probe the engine at URL now and show where the time went.

    URL is where the engine answers, like http://127.0.0.1:8000, without a path such as /v1. The exit code is 1 if any chat failed.
    """
    from cli.probe_chats import Chats, hold
    from cli.probe_shown import for_people, json_lines
    from config.only_some import check_adapter, who_loads, whose_api
    from probes.adaptation import Adaptation
    from probes.ask import Endpoint, Timeouts, Tls
    from probes.load import PATIENCE_SECONDS

    if no_chunks and output != "json":
        raise click.BadParameter("is for --output json", param_hint="--no-chunks")
    if load_timeout is not None and not load_model:
        raise click.BadParameter("is for --load-model", param_hint="--load-timeout")
    key = key_in(api_key_file)
    authorities = None if ca_file is None else str(ca_file)
    own_path = checked_chat_path(chat_path)
    unknown = Endpoint(
        name=backend or backends.unnamed(),
        backend=backend or backends.unnamed(),
        url=checked_url(url, {"ca_file": authorities, "insecure": insecure}, backend, own_path),
        model=model,
        adapter=adapter,
        api=api,
        api_key=key,
        headers=headers_of(headers, has_api_key=key is not None),
        tls=Tls(ca_file=authorities, insecure=insecure),
        load_model=load_model,
        load_timeout_seconds=PATIENCE_SECONDS if load_timeout is None else load_timeout,
        adaptation=Adaptation(chat_path=own_path, query=pairs_of(query)),
    )
    engine = backends.get(backend or asyncio.run(_recognised(unknown)))
    if api not in engine.forms:
        raise click.BadParameter(f"{api} {whose_api(api)}", param_hint="--api")
    for (field, *_), text in check_adapter(adapter, model, engine):
        raise click.BadParameter(text, param_hint=f"--{field}")
    if load_model and engine.on_demand is None:
        raise click.BadParameter(who_loads(), param_hint="--load-model")
    adaptation = replace(unknown.adaptation, **adapted(engine, api, omit, extra_body, max_tokens_field, load_model=load_model))
    chats = Chats(
        endpoint=replace(unknown, name=engine.name, backend=engine.name, adaptation=adaptation),
        prompt=prompt_of(prompt, prompt_set, input_tokens),
        count=count,
        concurrency=concurrency,
        max_tokens=max_tokens,
        cache=cast("Cache", cache),
        thinking=thinking,
        trace_context=cast("TraceContext", trace_context),
        connection=cast("ConnectionPolicy", connection),
        timeouts=Timeouts(connect_timeout, first_token_timeout, stall_timeout, timeout),
    )
    show = json_lines(chunks=not no_chunks, text=with_text) if output == "json" else for_people(chats.endpoint.url, count, with_text=with_text)
    raise click.exceptions.Exit(asyncio.run(hold(chats, show)))


async def _recognised(endpoint: Endpoint) -> str:
    from cli.recognition import recognised
    from probes.control import Control

    async with Control() as control:
        return await recognised(control, endpoint, "name it with --backend")
