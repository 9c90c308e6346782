"""`chatprobe simulate`: one simulated engine, with latency and fault options."""

from __future__ import annotations

import asyncio
import errno
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.paths import READABLE_FILE
from simulator.dialects import ENGINES

if TYPE_CHECKING:
    from simulator import Options


def _list_faults(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from simulator.dialects import shown_by
    from simulator.fault_plan import explain, signature
    from simulator.faults import FAULTS

    for kind in FAULTS.values():
        click.echo(f"{signature(kind)}\n    {explain(kind)} ({', '.join(shown_by(kind))})")
    context.exit()


class _Pair(click.ParamType[tuple[str, str]]):
    """NAME=OF."""

    name = "pair"

    def convert(self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, of = value.partition("=")
        if not (name and equals and of):
            self.fail(f"{value!r} is not NAME=OF", param, ctx)
        return name, of


_PAIR = _Pair()


@click.command(context_settings={"show_default": True})
@click.argument("engine", type=click.Choice(ENGINES))
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on; 0 takes a free one.")
@click.option("--model", "models", multiple=True, default=("tiny",), metavar="NAME", help="A model it serves; repeatable.")
@click.option("--api-key", metavar="KEY", help="Ask for this bearer key (Ollama never does).")
@click.option("--prefill-tokens-per-second", type=float, default=8000.0, help="Prompt tokens computed per second, if not in the prefix cache.")
@click.option("--first-token-ms", type=float, default=5.0, help="What each prefill costs whatever its length, in milliseconds.")
@click.option("--decode-ms", type=float, default=20.0, help="One decode step of a batch of one, in milliseconds.")
@click.option("--batch-slowdown", type=float, default=0.005, help="How much each further request lengthens a step, as a share of --decode-ms.")
@click.option("--jitter", type=float, default=0.0, help="Standard deviation of a step's duration, as a share of it.")
@click.option("--max-batch", type=click.IntRange(1), default=64, help="Requests that run at once (vLLM, TGI).")
@click.option("--max-queue", type=click.IntRange(1), default=None, help="Waiting requests before the engine is overloaded; none is without limit.")
@click.option("--kv-blocks", type=click.IntRange(1), default=4096, help="Blocks of the KV cache, of 16 tokens each (vLLM, TGI).")
@click.option("--context-tokens", type=click.IntRange(1), default=8192, help="Longest prompt and answer together, in tokens.")
@click.option("--answer-tokens", type=click.IntRange(1), default=100, help="Mean length of an answer that ends by itself, in tokens.")
@click.option("--slots", type=click.IntRange(1), default=1, help="Requests that run at once (Ollama).")
@click.option("--loaded/--not-loaded", default=True, help="Whether the first model is in memory from the start (Ollama).")
@click.option("--load-seconds", type=click.FloatRange(0), default=3.0, help="How long a cold model loads, in seconds (Ollama).")
@click.option("--keep-alive", type=float, default=300.0, help="How long an idle model stays loaded, in seconds; below 0 for ever (Ollama).")
@click.option("--copy", "copies", multiple=True, type=_PAIR, metavar="NAME=OF", help="A --model that is a copy of another; repeatable (Ollama).")
@click.option("--derived", multiple=True, type=_PAIR, metavar="NAME=OF", help="A --model made FROM another; repeatable (Ollama).")
@click.option("--embedding", multiple=True, metavar="NAME", help="A --model that cannot chat; repeatable (Ollama).")
@click.option("--thinking", multiple=True, metavar="NAME", help="A --model that may be asked to think; repeatable (Ollama).")
@click.option("--remote", multiple=True, metavar="NAME", help="A --model that another server holds; repeatable (Ollama).")
@click.option("--enable-per-request-metrics", is_flag=True, help="Tell with each chat how long the engine took for it (vLLM).")
@click.option("--seed", type=int, default=1, help="Seed of lengths, jitter and fault probabilities.")
@click.option("--tls-cert", type=READABLE_FILE, help="PEM file with the certificate; serves HTTPS.")
@click.option("--tls-key", type=READABLE_FILE, help="PEM file with its key.")
@click.option("--fault", "faults", multiple=True, metavar="NAME[:PARAM]", help="A fault that every request meets; repeatable.")
@click.option("--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_list_faults, help="List the faults and stop.")
def command(
    engine: str,
    host: str,
    port: int,
    models: tuple[str, ...],
    api_key: str | None,
    prefill_tokens_per_second: float,
    first_token_ms: float,
    decode_ms: float,
    batch_slowdown: float,
    jitter: float,
    max_batch: int,
    max_queue: int | None,
    kv_blocks: int,
    context_tokens: int,
    answer_tokens: int,
    slots: int,
    loaded: bool,
    load_seconds: float,
    keep_alive: float,
    copies: tuple[tuple[str, str], ...],
    derived: tuple[tuple[str, str], ...],
    embedding: tuple[str, ...],
    thinking: tuple[str, ...],
    remote: tuple[str, ...],
    enable_per_request_metrics: bool,
    seed: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    faults: tuple[str, ...],
) -> None:
    """Run one simulated ENGINE until it is stopped.

    It prints one line, `ENGINE URL`, once it listens. Faults can be changed while it runs (`/sim/faults`), or asked for by one request
    (header `X-Sim-Fault`); what was really sent when is served at `/sim/truth`.
    """
    from simulator import Capacity, Latency, Library, Options

    try:
        options = Options(
            models=models,
            api_key=api_key,
            latency=Latency(
                prefill_tokens_per_second=prefill_tokens_per_second,
                decode_seconds=decode_ms / 1000,
                batch_slowdown=batch_slowdown,
                first_token_seconds=first_token_ms / 1000,
                jitter=jitter,
            ),
            capacity=Capacity(max_batch=max_batch, kv_blocks=kv_blocks, context_tokens=context_tokens, max_queue=max_queue),
            answer_tokens=answer_tokens,
            seed=seed,
            faults=faults,
            load_seconds=load_seconds,
            loaded=loaded,
            slots=slots,
            keep_alive_seconds=keep_alive,
            library=Library(copies=dict(copies), derived=dict(derived), embedding=embedding, thinking=thinking, remote=remote),
            per_request_metrics=enable_per_request_metrics,
        )
        context = _tls(tls_cert, tls_key)
        asyncio.run(_run(engine, options, host, port, context))
    except OSError as wrong:
        raise click.ClickException(_why(wrong, host, port)) from None
    except ValueError as wrong:
        raise click.ClickException(str(wrong)) from None


def _why(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use by another program; stop it, or choose another with --port (0 takes a free one)"
    if isinstance(error, ssl.SSLError):
        return "--tls-cert and --tls-key are no certificate and its key; name PEM files, which begin with -----BEGIN"
    return f"cannot listen on port {port} of {host}: {error.strerror or error}; choose others with --host and --port"


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None:
        if key is not None:
            raise ValueError("--tls-key needs --tls-cert")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


async def _run(name: str, options: Options, host: str, port: int, context: ssl.SSLContext | None) -> None:
    from simulator import simulated

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with simulated(name, options, host=host, port=port, ssl_context=context) as engine:
        click.echo(f"{name} {engine.url}")
        await stop.wait()
