"""`chatprobe probe`: probe one engine now and show where the time went."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from cli.codes import INTERRUPTED
from cli.paths import ANY_FILE, READABLE_FILE
from cli.probe_options import Duration, ForeignName, adapted, checked_chat_path, checked_url, headers_of, key_in, pairs_of, prompt_of
from probes import backends
from probes.wording import listed

if TYPE_CHECKING:
    from probes.ask import Ask, Cache, ConnectionPolicy, Endpoint, Timeouts, TraceContext
    from probes.control import Control
    from probes.probing import Prober
    from probes.prompts import Prompter, PromptSpec
    from probes.record import ChatRecord

_OWN_APIS = " ".join(f"{api} is {owner.title}'s own {form.path}." for owner, api, form in backends.own_apis())
_ADAPTERS = backends.titles(lambda backend: backend.takes_adapters)
_LOADING = backends.titles(lambda backend: backend.on_demand)


@dataclass(frozen=True)
class Chats:
    """What to ask of the engine, and how often."""

    endpoint: Endpoint
    prompt: PromptSpec
    count: int
    concurrency: int
    max_tokens: int
    cache: Cache
    thinking: bool
    trace_context: TraceContext
    connection: ConnectionPolicy
    timeouts: Timeouts


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
    show = _json_lines(chunks=not no_chunks, text=with_text) if output == "json" else _for_people(chats, with_text)
    raise click.exceptions.Exit(asyncio.run(_run(chats, show)))


async def _recognised(endpoint: Endpoint) -> str:
    from cli.recognition import recognised
    from probes.control import Control

    async with Control() as control:
        return await recognised(control, endpoint, "name it with --backend")


@dataclass(frozen=True)
class Show:
    """How records are shown: each as it comes, and all of them at the end."""

    each: Callable[[ChatRecord], None]
    end: Callable[[list[ChatRecord]], None]


def _json_lines(*, chunks: bool, text: bool) -> Show:
    import orjson

    return Show(each=lambda record: click.echo(orjson.dumps(record.to_json(chunks=chunks, text=text))), end=lambda _: None)


def _for_people(chats: Chats, with_text: bool) -> Show:
    from io import TextIOWrapper
    from itertools import count

    from rich.console import Console

    from cli.summary import failures, gathered, left_out, loads, summary_table
    from cli.waterfall import chat_report, one_line, printable

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack characters that an answer has
    console = Console(highlight=False, markup=False, emoji=False)
    if chats.count == 1:
        return Show(
            each=lambda record: console.print(chat_report(record, url=chats.endpoint.url, console=console, with_text=with_text)),
            end=lambda _: None,
        )
    numbers = count(1)

    def each(record: ChatRecord) -> None:
        console.print(one_line(next(numbers), record))
        if with_text and record.text:
            console.print(printable(record.text))

    def end(records: list[ChatRecord]) -> None:
        if records:
            console.print(summary_table(records), *left_out(records), *loads(records), *gathered(records), *failures(records), sep="\n")

    return Show(each, end)


async def _run(chats: Chats, show: Show) -> int:
    """Hold the chats, show them, and give the exit code."""
    from probes.control import Control
    from probes.probing import Prober
    from probes.wire.workers import workers_for

    records: list[ChatRecord] = []
    stop = asyncio.Event()
    async with Prober(workers_for("auto", chats.concurrency)) as prober, Control() as control:

        def interrupt() -> None:
            stop.set()
            prober.cancel_all()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, interrupt)
        chats = replace(chats, endpoint=await _with_model(control, chats.endpoint))
        await _tell_what_may_load(control, chats.endpoint)
        await _load(control, chats.endpoint, stop)
        try:
            async with aclosing(_hold(chats, prober, control, stop)) as held:
                async for record in held:
                    records.append(record)
                    show.each(record)
        except click.ClickException:
            show.end(records)
            raise
    show.end(records)
    if any(record.outcome == "failed" for record in records):
        return 1
    return INTERRUPTED if stop.is_set() else 0


async def _with_model(control: Control, endpoint: Endpoint) -> Endpoint:
    """The endpoint with the model to ask for; an engine that gives no answer is left for the chat itself to show.

    Raises `ClickException` where there is no model to chat with.
    """
    from probes.ask import UNKNOWN_MODEL
    from probes.control import ControlError
    from probes.loading import chosen

    if endpoint.adapter is not None:
        return replace(endpoint, model=endpoint.adapter)
    if endpoint.model is not None:
        return replace(endpoint, model=await _answering(control, endpoint, endpoint.model))
    try:
        if backends.get(endpoint.backend).on_demand is not None:
            model = await chosen(control, endpoint, None)
        else:
            model = next(iter(await control.models(endpoint)), None)
    except ControlError as error:
        click.echo(f"The engine's models cannot be listed ({error}), and none is named with --model.", err=True)
        return replace(endpoint, model=UNKNOWN_MODEL)
    if model is None:
        raise click.ClickException("the engine lists no model; name one with --model")
    return replace(endpoint, model=model)


async def _answering(control: Control, endpoint: Endpoint, wanted: str) -> str:
    """The name of the model that answers, where the engine ignores the name that was given; said if it is another."""
    from probes.control import ControlError

    engine = backends.get(endpoint.backend)
    try:
        model = await control.answering(endpoint, wanted)
    except ControlError as error:
        click.echo(f"{engine.title} answers whatever model is named, and does not say by which ({error}).", err=True)
        return wanted
    if model != wanted:
        adapter = " An adapter is named with --adapter." if engine.takes_adapters else ""
        click.echo(f"{engine.title} does not have {wanted}, and answers by {model}: that is asked for, and measured.{adapter}", err=True)
    return model


async def _load(control: Control, endpoint: Endpoint, stop: asyncio.Event) -> None:
    """Have the model loaded before the chats, which are not to wait for it, where that is allowed and needed.

    Once `stop` is set the load is given up. Raises `ClickException` where it fails.
    """
    from probes.load import LoadError, LoadFailure
    from probes.loading import must_load, place

    assert endpoint.model is not None
    if not (endpoint.load_model and must_load(endpoint, await place(control, endpoint, endpoint.model))):
        return
    engine = backends.get(endpoint.backend).title
    click.echo(f"{engine} loads {endpoint.model} …", err=True)
    began = time.monotonic()
    loading, stopping = asyncio.create_task(control.load(endpoint, endpoint.model, endpoint.load_timeout_seconds)), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            click.echo(f"{engine} has loaded {endpoint.model} in {time.monotonic() - began:.1f} s.", err=True)
    except LoadError as error:
        longer = "; --load-timeout allows more" if error.cause is LoadFailure.TIMEOUT else ""
        raise click.ClickException(f"{engine} has not loaded {endpoint.model}: {error.detail}{longer}") from None
    finally:
        loading.cancel()
        stopping.cancel()


async def _tell_what_may_load(control: Control, endpoint: Endpoint) -> None:
    """Says of an engine that loads on demand where chats cannot keep it from loading the model anew."""
    from probes.loading import Memory, place

    assert endpoint.model is not None
    loader = await control.loader_behind(endpoint)
    if loader is not None:
        click.echo(
            f"{loader.title} answers there. By this API it is not known whether a chat has it load the model, or load it anew "
            f"for others; --backend {loader.name} keeps it from that.",
            err=True,
        )
    found = await place(control, endpoint, endpoint.model)
    if found.memory is Memory.LOADED and found.context_tokens is None:
        click.echo(
            f"{backends.get(endpoint.backend).title} does not tell the context of the model in memory: "
            "a chat may load it anew for users with another one than its default.",
            err=True,
        )


async def _hold(chats: Chats, prober: Prober, control: Control, stop: asyncio.Event) -> AsyncGenerator[ChatRecord]:
    """The chats' records in the order in which they end. Once `stop` is set no further one starts.

    Raises `ClickException` where a chat cannot be sent without leave to load the model, or had it loaded without.
    """
    from probes.prompts import Prompter

    assert chats.endpoint.model is not None
    prompter = Prompter(chats.prompt, cache=chats.cache, seed=1)
    left = chats.count
    running: set[asyncio.Task[ChatRecord]] = set()
    try:
        while running or (left and not stop.is_set()):
            while left and len(running) < chats.concurrency and not stop.is_set():
                left -= 1
                running.add(asyncio.create_task(_chat(chats, prober, control, _ask(chats, chats.endpoint.model, prompter))))
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                record = task.result()
                if record.input_tokens is not None and not record.prompt_cut:
                    prompter.learn(record.input_tokens)
                yield record
                if record.load == "unwanted" and left:
                    raise click.ClickException(f"{left} more chats are not sent: they might load the model too; --load-model allows it")
    finally:
        for task in running:
            task.cancel()


async def _chat(chats: Chats, prober: Prober, control: Control, ask: Ask) -> ChatRecord:
    """Hold one chat, if it loads nothing or may load. Raises `ClickException` where it would, or where that is not known."""
    from probes.loading import Memory, place

    endpoint = chats.endpoint
    backend = backends.get(endpoint.backend)
    found = await place(control, endpoint, ask.model)
    if not endpoint.load_model:
        if found.memory is Memory.UNLOADED:
            raise click.ClickException(
                f"{backend.title} has not loaded {ask.model}, and loading it would change what others see; --load-model allows it"
            )
        if found.memory is Memory.SILENT:
            record = await prober.reach(endpoint, ask, scenario="cli", timeouts=chats.timeouts, connection=chats.connection)
            if record is not None:
                return record
        if found.memory in (Memory.SILENT, Memory.UNTOLD):
            raise click.ClickException(
                f"{backend.title} does not tell whether it has loaded {ask.model} ({found.detail}), and a chat might load it; --load-model allows it"
                + await _or_another(control, endpoint)
            )
    return await prober.chat(
        endpoint,
        replace(ask, context_tokens=found.context_tokens),
        scenario="cli",
        timeouts=chats.timeouts,
        connection=chats.connection,
    )


async def _or_another(control: Control, endpoint: Endpoint) -> str:
    """What else is to be tried where the engine that was named does not even tell its version."""
    from probes.control import ControlError

    try:
        await control.version(endpoint)
    except ControlError:
        return "; or another engine answers there: leave --backend out, and it is asked"
    return ""


def _ask(chats: Chats, model: str, prompter: Prompter) -> Ask:
    from probes.ask import Ask

    prompt = prompter.next()
    return Ask(
        model=model,
        messages=prompt.messages,
        max_tokens=chats.max_tokens,
        prompt_id=prompt.prompt_id,
        cache=chats.cache,
        nonce=prompt.nonce,
        fewest_tokens=prompt.fewest_tokens,
        thinking=chats.thinking,
        adapter=chats.endpoint.adapter,
        trace_context=chats.trace_context,
    )
