"""Control calls, against small servers."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable
from dataclasses import replace

import orjson
import pytest

from probes.adaptation import Adaptation
from probes.ask import Endpoint, Tls
from probes.control import Control, ControlError, MissingError
from probes.numbers.loaded import ListedModel, LoadedModel, ModelDetails
from simulator import Capacity, Options, simulated
from tests.answers import whole
from tests.servers import Peer, Script, Server, closed_port, serving


def answering(body: bytes, status: int = 200, *fields: str) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(whole(status, body, "application/json", *fields))

    return script


def endpoint(server: Server, backend: str) -> Endpoint:
    return Endpoint("engine", backend, server.url)


@pytest.mark.parametrize(
    ("backend", "body", "names"),
    [
        ("vllm", b'{"data":[{"id":"tiny"},{"id":"lora"}]}', ("tiny", "lora")),
        ("tgi", b'{"data":[{"id":"tiny"}]}', ("tiny",)),
        ("ollama", b'{"models":[{"name":"llama3.2:1b"}]}', ("llama3.2:1b",)),
        ("openai", b'{"data":[]}', ()),
        ("openai", b'[{"id":"m","object":"model"}]', ("m",)),
        ("openai", b'{"models":[{"name":"m"},{"id":"n"}]}', ("m", "n")),
        ("vllm", b'{"models":["m",{"model":"n"},{}]}', ("m", "n")),
    ],
)
async def test_models(backend: str, body: bytes, names: tuple[str, ...]) -> None:
    with serving(answering(body)) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, backend)) == names
    path = "/api/tags" if backend == "ollama" else "/v1/models"
    assert server.requests[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())


async def test_which_models_ollama_has_in_memory_and_which_it_has() -> None:
    with serving(answering(b'{"models":[{"name":"llama3.2:1b","digest":"sha256:1f","capabilities":["completion"]}]}')) as server:
        async with Control() as control:
            assert await control.loaded_models(endpoint(server, "ollama")) == (LoadedModel("llama3.2:1b", digest="1f"),)
            assert await control.listed_models(endpoint(server, "ollama")) == (ListedModel("llama3.2:1b", "1f", chats=True),)
    assert [request.split()[:2] for request in server.requests] == [[b"GET", b"/api/ps"], [b"GET", b"/api/tags"]]


async def test_what_ollama_tells_of_one_model_is_posted_for_on_the_chats_way() -> None:
    with serving(answering(b'{"modelfile":"FROM /m/sha256-1f","capabilities":["embedding"]}')) as server:
        way = replace(endpoint(server, "ollama"), api_key="k", adaptation=Adaptation(query={"team": "blue"}))
        async with Control() as control:
            assert await control.details(way, "tiny", "1f") == ModelDetails(("FROM sha256-1f",), chats=False)
    (request,) = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/show?team=blue HTTP/1.1\r\n")
    assert b"Authorization: Bearer k" in head
    assert b"Content-Type: application/json" in head
    assert body == b'{"model":"tiny"}'


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (whole(404, b'{"error":"model not found"}', "application/json; charset=utf-8"), True),
        (whole(404, b"404 page not found", "text/plain"), False),
        (whole(403, b'{"error":"no"}'), False),
    ],
)
async def test_a_model_that_ollama_lacks_is_told_from_a_question_that_it_lacks(answer: bytes, missing: bool) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)

    with serving(script) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match="/api/show: status 40") as raised:
                await control.details(endpoint(server, "ollama"), "tiny", "1f")
    assert isinstance(raised.value, MissingError) is missing


@pytest.mark.parametrize(
    ("backend", "answers", "expected"),
    [
        ("openai", {"/api/version": b'{"version":"0.33.0"}', "/api/ps": b'{"models":[]}'}, "ollama"),
        ("openai", {"/api/version": b'{"version":"0.6.5"}'}, None),
        ("openai", {"/api/ps": b'{"models":[]}'}, None),
        ("openai", {}, None),
        ("vllm", {"/api/version": b'{"version":"0.33.0"}', "/api/ps": b'{"models":[]}'}, None),
    ],
)
async def test_an_engine_that_loads_on_demand_is_seen_behind_the_generic_form(backend: str, answers: dict[str, bytes], expected: str | None) -> None:
    def script(peer: Peer) -> None:
        while True:
            path = peer.request().split()[1].decode()
            peer.send(whole(200, answers[path]) if path in answers else whole(404, b"{}"))

    with serving(script) as server:
        async with Control() as control:
            found = await control.loader_behind(endpoint(server, backend))
    assert (found and found.name) == expected


@pytest.mark.parametrize(("backend", "path"), [("vllm", "/version"), ("tgi", "/info"), ("ollama", "/api/version")])
async def test_version(backend: str, path: str) -> None:
    with serving(answering(b'{"version":"0.9.1"}')) as server:
        async with Control() as control:
            assert await control.version(endpoint(server, backend)) == "0.9.1"
    assert server.requests[0].startswith(f"GET {path} HTTP/1.1\r\n".encode())


async def test_a_backend_that_does_not_say_its_version() -> None:
    async with Control() as control:
        assert await control.version(Endpoint("engine", "openai", "http://127.0.0.1:1")) is None


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>", "no JSON"),
        (b"[]", "names no version"),
        (b'{"version":7}', "names no version"),
        (b'{"version":"%b"}' % (b"9" * 257), "names a version that is too long, or not printable"),
        (b'{"version":"1\\u0007"}', "names a version that is too long, or not printable"),
    ],
    ids=["html", "list", "number", "long", "unprintable"],
)
async def test_answers_that_name_no_version(body: bytes, says: str) -> None:
    with serving(answering(body)) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match=f"/version: {says}"):
                await control.version(endpoint(server, "vllm"))


@pytest.mark.parametrize("name", ["m" * 257, "tiny\\n", "tiny\\u202e", "\\ud800"], ids=["long", "line break", "unprintable", "half"])
@pytest.mark.parametrize(("backend", "listing", "key"), [("vllm", "data", "id"), ("tgi", "data", "id"), ("ollama", "models", "name")])
async def test_a_name_that_cannot_be_a_label_is_left_out(backend: str, listing: str, key: str, name: str) -> None:
    body = f'{{"{listing}":[{{"{key}":"tiny"}},{{"{key}":"{name}"}}]}}'
    with serving(answering(body.encode())) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, backend)) == ("tiny",)


@pytest.mark.parametrize(
    ("body", "models"),
    [
        (["m"], ("m",)),
        ({"models": ["m", "n"]}, ("m", "n")),
        ({"data": [{"id": "", "name": "m"}, None, {"id": 7}, {"model": "n"}]}, ("m", "n")),
        ({"data": [{"id": "m"}], "models": [{"name": "m.gguf"}]}, ("m",)),
        ({"data": [], "models": [{"name": "m.gguf"}]}, ("m.gguf",)),
        ({"object": "list", "data": None}, ()),
        ({"models": None}, ()),
        ({"data": {"models": [{"id": "m"}]}}, ("m",)),
        ({"success": True, "result": [{"name": "m"}]}, ("m",)),
        ({"m": {"model_type": "LLM"}, "n": {}}, ("m", "n")),
        ({"data": [{"id": "openai/*"}, {"id": "m"}]}, ("m",)),
    ],
)
async def test_lists_of_models_as_others_write_them(body: object, models: tuple[str, ...]) -> None:
    with serving(answering(orjson.dumps(body))) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, "openai")) == models


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"error":{"message":"no key"}}', "no key"),
        (b'{"success":false,"message":"no key"}', "no key"),
        (b'{"greeting":"hi"}', "lists no models"),
    ],
)
async def test_what_is_no_list_of_models(body: bytes, says: str) -> None:
    with serving(answering(body)) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match=f"/v1/models: {says}"):
                await control.models(endpoint(server, "openai"))


async def test_a_compressed_list_with_what_only_lenient_readers_take() -> None:
    listed = b'\xef\xbb\xbf{"data":[{"id":"m","x":NaN}]}'
    with serving(answering(gzip.compress(listed), 200, "Content-Encoding: gzip")) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, "openai")) == ("m",)


async def test_a_list_that_is_not_compressed_as_it_says() -> None:
    with serving(answering(b"{}", 200, "Content-Encoding: gzip")) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match="/v1/models: not gzip"):
                await control.models(endpoint(server, "openai"))


async def test_an_ollama_without_models() -> None:
    with serving(answering(b'{"models":null}')) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, "ollama")) == ()


async def test_what_has_the_api_of_ollama_may_name_models_in_one_field_only() -> None:
    with serving(answering(b'{"models":[{"model":"m:latest"},{"name":"n"}]}')) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, "ollama")) == ("m:latest", "n")
            assert [model.name for model in await control.loaded_models(endpoint(server, "ollama"))] == ["m:latest", "n"]


async def test_the_longest_name() -> None:
    name = "ö" * 256
    with serving(answering(f'{{"data":[{{"id":"{name}"}}]}}'.encode())) as server:
        async with Control() as control:
            assert await control.models(endpoint(server, "vllm")) == (name,)


async def test_a_status_is_no_answer() -> None:
    with serving(answering(b"{}", 503)) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match="/v1/models: status 503"):
                await control.models(endpoint(server, "vllm"))


async def test_a_body_that_lists_nothing() -> None:
    with serving(answering(b"{}")) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match="/api/ps: "):
                await control.loaded_models(endpoint(server, "ollama"))


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"], ids=["before the head", "in the body"])
async def test_a_server_that_hangs(begin: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(begin)
        peer.await_client_gone()

    with serving(script) as server:
        async with Control(timeout_seconds=0.2) as control:
            with pytest.raises(ControlError, match="/api/ps"):
                await control.loaded_models(endpoint(server, "ollama"))


async def test_nobody_listens() -> None:
    async with Control() as control:
        with pytest.raises(ControlError, match=r"^/v1/models: Connection refused$"):
            await control.models(Endpoint("engine", "vllm", f"http://127.0.0.1:{closed_port()}"))


async def test_a_name_that_nobody_knows() -> None:
    async with Control() as control:
        with pytest.raises(ControlError, match=r"^/v1/models: [A-Z][a-z ]+$"):
            await control.models(Endpoint("engine", "vllm", "http://engine.invalid:1"))


async def test_key_and_headers_are_sent_and_never_told() -> None:
    with serving(answering(b"{}", 401)) as server:
        async with Control() as control:
            with pytest.raises(ControlError) as refused:
                await control.models(replace(endpoint(server, "vllm"), api_key="k-secret", headers={"X-Team": "blue"}))
    assert b"Authorization: Bearer k-secret" in server.requests[0]
    assert b"X-Team: blue" in server.requests[0]
    assert "secret" not in str(refused.value)


async def test_tls(secure: ssl.SSLContext, trusting: Callable[[Server], Endpoint]) -> None:
    with serving(answering(b'{"version":"1"}'), tls=secure) as server:
        async with Control() as control:
            assert await control.version(trusting(server)) == "1"
            assert await control.version(replace(trusting(server), tls=Tls(insecure=True))) == "1"
            with pytest.raises(ControlError, match="certificate verify failed"):
                await control.version(replace(trusting(server), tls=Tls()))


async def test_a_certificate_file_that_is_missing(tmp_path: object) -> None:
    async with Control() as control:
        with pytest.raises(ControlError, match="No such file"):
            await control.version(Endpoint("engine", "vllm", "https://127.0.0.1:1", tls=Tls(ca_file=f"{tmp_path}/missing.pem")))


async def test_an_http_target_goes_without_a_proxy_as_its_chats_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with serving(answering(b'{"version":"1"}')) as server:
        async with Control() as control:
            assert await control.version(endpoint(server, "vllm")) == "1"


async def test_an_https_target_goes_through_the_proxy_of_its_chats(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

    with serving(script) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with Control() as control:
            with pytest.raises(ControlError):
                await control.version(Endpoint("engine", "vllm", "https://engine.test"))
    assert proxy.requests[0].startswith(b"CONNECT engine.test:443 ")


async def test_a_header_beyond_ascii_is_sent_as_chats_send_it() -> None:
    with serving(answering(b'{"version":"1"}')) as server:
        async with Control() as control:
            assert await control.version(replace(endpoint(server, "vllm"), headers={"X-Team": "blå"})) == "1"
    assert b"X-Team: bl\xe5" in server.requests[0]


async def test_a_body_without_end() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b" " * 65536)

    with serving(script) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match="/version: more than 4194304 bytes"):
                await control.version(endpoint(server, "vllm"))


@pytest.mark.parametrize("engine", ["vllm", "tgi"])
async def test_how_long_a_chat_may_be(engine: str) -> None:
    async with simulated(engine, Options(capacity=Capacity(context_tokens=2048))) as running, Control() as control:
        asked = Endpoint("engine", engine, running.url)
        assert await control.longest_chat(asked, "tiny") == 2048
        assert await control.longest_chat(asked, "another") == (None if engine == "vllm" else 2048)


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
async def test_a_chat_with_an_adapter_may_be_as_long_as_with_its_model(engine: str) -> None:
    listed = [{"id": "tiny", "parent": None, "max_model_len": 2048}, {"id": "pirate", "parent": "tiny", "max_model_len": None}]
    with serving(answering(orjson.dumps({"data": listed}))) as server:
        async with Control() as control:
            assert await control.longest_chat(endpoint(server, engine), "pirate") == 2048


@pytest.mark.parametrize("body", [b'{"data":[{"id":"tiny","max_model_len":2048}]}', b'[{"id":"tiny","max_model_len":2048}]'])
async def test_how_long_a_chat_may_be_in_lists_as_others_write_them(body: bytes) -> None:
    with serving(answering(body)) as server:
        async with Control() as control:
            assert await control.longest_chat(endpoint(server, "vllm"), "tiny") == 2048


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b'{"data":7}', b'{"data":[7]}', b'{"data":[{"id":"tiny","max_model_len":"long"}]}', b'{"data":[{"id":"tiny"}]}']
)
async def test_an_engine_that_does_not_say_how_long_a_chat_may_be(body: bytes) -> None:
    with serving(answering(body)) as server:
        async with Control() as control:
            assert await control.longest_chat(endpoint(server, "vllm"), "tiny") is None


@pytest.mark.parametrize("head", [b"HTTP/9.9 ", b"HTTP/1.1 200 OK\r\nno field "])
async def test_what_an_engine_repeats_of_what_it_was_sent_is_told_without_secrets_and_shortly(head: bytes) -> None:
    def script(peer: Peer) -> None:
        key = next(line for line in peer.request().split(b"\r\n") if b"canary" in line)
        peer.send(head + key + b" " + b"x" * 50_000 + b"\r\n\r\n")

    with serving(script) as server:
        async with Control() as control:
            with pytest.raises(ControlError, match=r"^/v1/models: illegal ") as caught:
                await control.models(replace(endpoint(server, "vllm"), api_key="canary-key"))
    assert "Bearer <secret> xx" in str(caught.value)
    assert len(str(caught.value)) < 300
