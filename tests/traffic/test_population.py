from __future__ import annotations

import asyncio

from probes.ask import UNKNOWN_MODEL, Endpoint
from tests.traffic.fakes import FakeClock, FakeControl, Heard, settle
from traffic.events import Facts
from traffic.population import Population


def endpoint(name: str = "a", *, url: str = "http://a", backend: str = "vllm", model: str | None = None, key: str | None = None) -> Endpoint:
    return Endpoint(name, backend, url, model, api_key=key)


def population(heard: Heard, control: FakeControl | None = None) -> Population:
    return Population(control or FakeControl(), FakeClock(), heard)


async def test_other_keys_are_used_by_the_same_engine() -> None:
    heard = Heard()
    one = population(heard)
    assert one.update({"a": endpoint()}) == ()
    engine = one.engines["a"]
    await engine.model()
    told = len(heard.events)
    assert one.update({"a": endpoint(key="new")}) == ()
    assert one.engines["a"] is engine
    assert engine.endpoint.api_key == "new"
    assert len(heard.events) == told


async def test_another_address_is_another_engine_that_keeps_the_name_of_the_model_until_it_is_asked() -> None:
    heard = Heard()
    one = population(heard)
    one.update({"a": endpoint()})
    await one.engines["a"].model()
    assert one.update({"a": endpoint(url="http://b")}) == ("a",)
    assert heard.events[-1] == Facts("a", "tiny")
    one.update({"a": endpoint(url="http://b", model="configured")})
    assert heard.events[-1] == Facts("a", "configured")
    one.update({"a": endpoint(url="http://b", backend="tgi")})
    assert heard.events[-1] == Facts("a", UNKNOWN_MODEL)
    await one.close()


async def test_one_that_is_gone_tells_nothing_any_more() -> None:
    gate = asyncio.Event()

    class Slow(FakeControl):
        async def models(self, endpoint: object) -> tuple[str, ...]:
            await gate.wait()
            return ("late",)

    heard = Heard()
    one = population(heard, Slow())
    one.update({"a": endpoint(), "b": endpoint("b")})
    engine = one.engines["a"]
    waiting = asyncio.create_task(engine.model())
    await settle()
    assert one.update({"b": endpoint("b")}) == ("a",)
    told = len(heard.events)
    gate.set()
    assert await waiting == "late"
    assert len(heard.events) == told
    assert list(one.engines) == ["b"]
    await one.close()
