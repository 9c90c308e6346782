"""The look at the engines before and after a run: how each is, what it serves, and what makes a comparison of them unfair."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TypeVar
from urllib.parse import urlsplit

from bench.caveat import Caveat
from config.likeness import weights
from config.scenario import Scenario
from exporter.native.failure import ScrapeError
from exporter.native.families import start_seconds
from exporter.native.scrape import Scraper
from probes import backends
from probes.ask import UNKNOWN_MODEL, Endpoint
from probes.control import Control, ControlError, KeyWantedError
from probes.load import LoadError
from probes.loading import Memory, chosen, must_load, place
from probes.numbers.family import Family
from traffic.roster import Member

T = TypeVar("T")
SCRAPE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class EngineSeen:
    """What was seen of one target. What its engine does not tell is None.

    `model` is the name that chats ask for. `health` is empty where the engine is well, else what is wrong; `trouble` is
    why no chat can be had with it, empty where one can. `started_at` is when its processes started, in seconds since the
    epoch, of those whose own metrics tell that. `context_tokens` is how many tokens a prompt and its answer may have
    together. `settings` are how it was started, as far as it tells.
    """

    target: str
    backend: str
    url: str
    model: str = UNKNOWN_MODEL
    models: tuple[str, ...] = ()
    version: str | None = None
    context_tokens: int | None = None
    health: str = ""
    trouble: str = ""
    started_at: tuple[float, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The engine for people, with its version: `vLLM 0.11.0`."""
        title = backends.get(self.backend).title
        return title if self.version is None else f"{title} {self.version}"

    def to_json(self) -> dict[str, object]:
        """What results keep of it."""
        return {
            "backend": self.backend,
            "url": self.url,
            "model": self.model,
            "version": self.version,
            "context_tokens": self.context_tokens,
            "health": self.health or None,
            "started_at": list(self.started_at),
            "settings": dict(self.settings),
        }


async def look(control: Control, scraper: Scraper, member: Member) -> EngineSeen:
    """Ask one engine how it is and what it serves. Sends no chat, and loads no model. Raises nothing."""
    endpoint = member.endpoint
    looked = EngineSeen(endpoint.name, endpoint.backend, endpoint.url)
    health, models, pages = await asyncio.gather(_told(control.health(endpoint)), _told(control.models(endpoint)), _pages(scraper, member))
    told = backends.get(endpoint.backend).settings
    looked = replace(
        looked,
        health=str(health) if isinstance(health, ControlError) else "",
        started_at=tuple(start for page in pages if (start := start_seconds(page)) is not None),
        settings=told.of_page([family for page in pages for family in page]),
    )
    if isinstance(models, ControlError):
        key = "; write api_key: {file: PATH} in its configuration" if isinstance(models, KeyWantedError) else ""
        silent = f"its models cannot be listed ({models}){key}"
        return replace(looked, model=endpoint.configured_model, trouble="" if endpoint.configured_model != UNKNOWN_MODEL and not health else silent)
    model = await _told(_asked_for(control, endpoint, models))
    if model is None or isinstance(model, ControlError):
        return replace(looked, models=models, trouble=f"no model is known to chat with ({model or 'it lists none'}); write model: NAME")
    version, context_tokens, settings = await asyncio.gather(
        _told(control.version(endpoint)), _told(control.longest_chat(endpoint, model)), _told(control.settings(endpoint, model))
    )
    looked = replace(
        looked,
        model=model,
        models=models,
        version=None if isinstance(version, ControlError) else version,
        context_tokens=None if isinstance(context_tokens, ControlError) else context_tokens,
        settings=looked.settings if isinstance(settings, ControlError) else {**looked.settings, **settings},
    )
    found = await place(control, endpoint, model)
    if found.memory in (Memory.UNLOADED, Memory.UNTOLD) and not endpoint.load_model:
        why = "is not in memory" if found.memory is Memory.UNLOADED else f"may not be in memory ({found.detail})"
        looked = replace(looked, trouble=f"{model} {why}, and nobody allowed chatprobe to load it; load it, or write load_model: true")
    return replace(looked, context_tokens=found.context_tokens or looked.context_tokens)


async def have_loaded(control: Control, endpoint: Endpoint) -> str:
    """Have the model loaded that is not in memory, where that is allowed. Gives why it could not be; empty where it is there."""
    if endpoint.model is None or not must_load(endpoint, await place(control, endpoint, endpoint.model)):
        return ""
    try:
        await control.load(endpoint, endpoint.model, endpoint.load_timeout_seconds)
    except LoadError as error:
        return f"{endpoint.model} could not be loaded: {error.detail}"
    return ""


def held(endpoint: Endpoint, looked: EngineSeen) -> Endpoint:
    """The endpoint with the model that was seen: a run asks for one model from its begin to its end, whatever others load meanwhile."""
    if endpoint.adapter is not None or looked.model == UNKNOWN_MODEL:
        return endpoint
    return replace(endpoint, model=looked.model)


def hardware_seen(members: Mapping[str, Member]) -> tuple[str, ...]:
    """The names of targets whose URLs have one host: what runs there may share its hardware."""
    hosts = {name: _host(member.endpoint.url) for name, member in members.items()}
    return tuple(name for name, host in hosts.items() if list(hosts.values()).count(host) > 1)


def before(looked: Sequence[EngineSeen], members: Mapping[str, Member], scenario: Scenario) -> tuple[Caveat, ...]:
    """What makes a comparison of these engines unfair, as far as they tell it."""
    return tuple(_before(looked, [members[one.target].endpoint for one in looked], scenario))


def _before(looked: Sequence[EngineSeen], endpoints: Sequence[Endpoint], scenario: Scenario) -> Iterator[Caveat]:
    for one in looked:
        if one.health:
            yield Caveat(f"{one.target} does not say that it is well: {one.health}", (one.target,))
    if len(looked) < 2:
        return
    names = tuple(one.target for one in looked)
    if len({weights(one.model) for one in looked}) > 1:
        told = _listed((one.target, one.model) for one in looked)
        yield Caveat(f"the models differ, so that it is not the engines alone that are compared: {told}", names)
    contexts = {one.target: one.context_tokens for one in looked if one.context_tokens is not None}
    if len(set(contexts.values())) > 1:
        told = _listed((name, f"{tokens} tokens") for name, tokens in contexts.items())
        yield Caveat(f"their contexts differ, which leaves one more memory for chats at once than another: {told}", tuple(contexts))
    if len({endpoint.api for endpoint in endpoints}) > 1:
        others = tuple(endpoint.name for endpoint in endpoints if endpoint.api != "chat")
        yield Caveat(f"chats are compared with plain text: {', '.join(others)} get no chat template (api)", others)
    asked = {endpoint.name: (endpoint.adaptation.omit, repr(endpoint.adaptation.extra_body)) for endpoint in endpoints}
    if len(set(asked.values())) > 1:
        others = tuple(endpoint.name for endpoint in endpoints if endpoint.adaptation.omit or endpoint.adaptation.extra_body)
        yield Caveat(f"requests differ by the settings of {', '.join(others)} (omit, extra_body)", others)
    untold = tuple(endpoint.name for endpoint in endpoints if not backends.get(endpoint.backend).thinking)
    if scenario.thinking and 0 < len(untold) < len(endpoints):
        yield Caveat(f"that the model may think is not told to {', '.join(untold)}, and to the others it is", untold)
    for url, same in groupby(sorted(endpoints, key=lambda endpoint: endpoint.url), key=lambda endpoint: endpoint.url):
        if len(alike := tuple(endpoint.name for endpoint in same)) > 1:
            yield Caveat(f"{' and '.join(alike)} are one engine, at {url}", alike)


def after(earlier: Sequence[EngineSeen], later: Sequence[EngineSeen]) -> tuple[Caveat, ...]:
    """What became of the engines while the run went on."""
    found = {one.target: one for one in later}
    return tuple(caveat for one in earlier for caveat in _after(one, found[one.target]))


def _after(earlier: EngineSeen, later: EngineSeen) -> Iterator[Caveat]:
    name = earlier.target
    if later.trouble and not earlier.trouble:
        yield Caveat(f"{name} could not be chatted with at the end: {later.trouble}", (name,))
        return
    if later.health and not earlier.health:
        yield Caveat(f"{name} did not say at the end that it is well: {later.health}", (name,))
    for what, was, became in (
        ("version", earlier.version, later.version),
        ("model", earlier.model, later.model),
        ("context", earlier.context_tokens, later.context_tokens),
    ):
        if was is not None and became is not None and was != became:
            yield Caveat(f"the {what} of {name} changed during the run, from {was} to {became}", (name,))
    changed = sorted(key for key in earlier.settings.keys() & later.settings.keys() if earlier.settings[key] != later.settings[key])
    if changed:
        yield Caveat(f"{name} was started otherwise during the run: {', '.join(changed)} changed", (name,))
    if earlier.model in earlier.models and later.models and earlier.model not in later.models:
        yield Caveat(f"{name} does not list {earlier.model} any more", (name,))
    if earlier.started_at and later.started_at and max(later.started_at) > max(earlier.started_at):
        yield Caveat(f"{name} was restarted during the run", (name,))


async def _asked_for(control: Control, endpoint: Endpoint, models: Sequence[str]) -> str | None:
    """The name of the model that chats are to ask for, as `traffic.served` chooses it. Raises `ControlError`."""
    if endpoint.adapter is not None:
        return endpoint.adapter
    if endpoint.model is not None:
        return await control.answering(endpoint, endpoint.model)
    if backends.get(endpoint.backend).on_demand is not None:
        return await chosen(control, endpoint, None)
    return next(iter(models), None)


async def _pages(scraper: Scraper, member: Member) -> list[tuple[Family, ...]]:
    """Its own metrics, of each process that can be read."""
    if backends.get(member.endpoint.backend).metrics is None:
        return []
    found = await asyncio.gather(*(_page(scraper, member.endpoint, page.url) for page in member.pages))
    return [page for page in found if page is not None]


async def _page(scraper: Scraper, endpoint: Endpoint, url: str) -> tuple[Family, ...] | None:
    try:
        return (await scraper.metrics(endpoint, url, timeout_seconds=SCRAPE_SECONDS)).families
    except ScrapeError:
        return None


async def _told(asked: Awaitable[T]) -> T | ControlError:
    try:
        return await asked
    except ControlError as error:
        return error


def _host(url: str) -> str:
    host = urlsplit(url).hostname or ""
    return "localhost" if host in ("127.0.0.1", "::1") or host.endswith(".localhost") else host


def _listed(pairs: Iterator[tuple[str, str]]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in pairs)
