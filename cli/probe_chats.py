"""The chats that `chatprobe probe` holds with one engine: which model they ask for, and what they may load."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

import click

from cli.codes import INTERRUPTED
from cli.probe_shown import Show
from probes import backends
from probes.ask import UNKNOWN_MODEL, Ask, Cache, ConnectionPolicy, Endpoint, Timeouts, TraceContext
from probes.control import Control, ControlError
from probes.failure import Reason
from probes.load import LoadError, LoadFailure
from probes.loading import Memory, chosen, must_load, place
from probes.probing import Prober
from probes.prompts import Prompter, PromptSpec
from probes.record import ChatRecord
from probes.wire.workers import workers_for

_NAMED = 12
"""So many models of an engine are named, of which a router has hundreds."""


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


async def hold(chats: Chats, show: Show) -> int:
    """Hold the chats, show them, and give the exit code."""
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
        served = await _served(control, chats.endpoint) if any(map(_lacks_its_model, records)) else ""
    show.end(records)
    if served:
        click.echo(served, err=True)
    if any(record.outcome == "failed" for record in records):
        return 1
    return INTERRUPTED if stop.is_set() else 0


def _lacks_its_model(record: ChatRecord) -> bool:
    return record.failure is not None and record.failure.reason is Reason.MODEL_MISSING


async def _served(control: Control, endpoint: Endpoint) -> str:
    """The models that could have been asked for; nothing where they cannot be listed: why the chat failed is told without."""
    with suppress(ControlError):
        if models := await control.models(endpoint):
            more = f", and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
            return f"The engine lists {', '.join(models[:_NAMED])}{more}."
    return ""


async def _with_model(control: Control, endpoint: Endpoint) -> Endpoint:
    """The endpoint with the model to ask for; an engine that gives no answer is left for the chat itself to show.

    Raises `ClickException` where there is no model to chat with.
    """
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
    try:
        await control.version(endpoint)
    except ControlError:
        return "; or another engine answers there: leave --backend out, and it is asked"
    return ""


def _ask(chats: Chats, model: str, prompter: Prompter) -> Ask:
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
