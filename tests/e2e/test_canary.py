"""A secret of its own in every place where one may stand; then everything that chatprobe says is searched for all of them.

The engines are hostile: one refuses every chat and repeats what it was shown. What an engine says, in an answer or an error, is data that people ask
for; that it repeats a key of ours must not put that key into a page or a log.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import bcrypt
import pytest
import pytest_asyncio
import trustme
from aiohttp import web

from config.problems import ConfigError
from config.quantities import Address
from config.reader import read
from exporter.web.server import listening
from tests.cluster import api as fake_cluster
from tests.exporter.engine import Engine, engine
from tests.exporter.security.ports import certificates, client
from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BIN = Path(sys.executable).parent / "chatprobe"


class Canaries(dict[str, str]):
    """Secrets by where they stand, each another."""

    def __missing__(self, where: str) -> str:
        self[where] = f"canary-{len(self):02d}-{os.urandom(9).hex()}"
        return self[where]

    def found_in(self, said: bytes) -> list[str]:
        """Where the secrets stand that are in what was said, plain or in base64 as credentials are shown."""
        return [where for where, secret in self.items() if any(form in said for form in _forms(secret))]


def _forms(secret: str) -> Iterator[bytes]:
    yield secret.encode()
    for before in ("", "alice:", "user:"):
        yield base64.b64encode(f"{before}{secret}".encode()).rstrip(b"=")[:-1]


@dataclass
class Said:
    """Everything that was said, by who said it."""

    canaries: Canaries
    texts: dict[str, bytes] = field(default_factory=dict)

    def leaks(self) -> dict[str, list[str]]:
        return {who: found for who, text in self.texts.items() if (found := self.canaries.found_in(text))}


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """An engine that refuses chats, and tells of everything that it was shown, one at a time."""
    told = itertools.count()

    async def refuse(request: web.Request) -> web.Response:
        shown = [value for name, value in request.headers.items() if name in ("Authorization", "X-Key", "X-Found", "Traceparent")]
        shown += request.query.values()
        message = f"Incorrect API key provided: {shown[next(told) % len(shown)]}."
        return web.json_response({"error": {"message": message, "type": "invalid_request_error"}}, status=401)

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_route("*", "/{path:.*}", refuse)
    async with listening(app, Address("127.0.0.1", 0)) as address:
        yield f"http://{address}"


def planted(folder: Path, canaries: Canaries, authority: trustme.CA, one: Engine, echoing: str, cluster: str) -> tuple[str, dict[str, str]]:
    """The configuration, with files beside it, and the environment."""
    certificates(folder, authority)
    key_of_server = (folder / "server.key").read_text()
    canaries["TLS key of the port"] = key_of_server.splitlines()[1]
    password = canaries["password of a user"]
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    canaries["hash of a password"] = hashed
    (folder / "web.yaml").write_text(f"tls_server_config: {{cert_file: server.pem, key_file: server.key}}\nbasic_auth_users: {{alice: '{hashed}'}}\n")
    shown = authority.issue_cert("chatprobe.example")
    shown.cert_chain_pems[0].write_to_path(folder / "client.pem")
    shown.private_key_pem.write_to_path(folder / "client.key")
    canaries["TLS key shown to an engine"] = (folder / "client.key").read_text().splitlines()[1]
    for name in ("key of an engine", "token", "key for found targets"):
        (folder / name.replace(" ", "-")).write_text(canaries[name])
    fake_cluster.kubeconfig(folder, cluster, canaries["token for the cluster"])
    (folder / "found.yaml").write_text(f'targets: {{found: {{backend: vllm, url: "{echoing}", model: tiny}}}}\n')
    text = f"""
web:
  listen: 127.0.0.1:{free_port()}
  lifecycle: true
  probe: true
  config_file: web.yaml
  tokens: {{ci: {{file: token, role: operate}}, bot: {{env: BOT_TOKEN}}}}
targets:
  well: {{backend: vllm, url: "{one.url}", model: tiny, api_key: {{file: key-of-an-engine}}, headers: {{X-Key: {canaries["header of an engine"]}}}}}
  echoes:
    backend: vllm
    url: {echoing}
    model: tiny
    api_key: {{env: ENGINE_KEY}}
    headers: {{X-Key: {canaries["header that is echoed"]}, Traceparent: "{canaries["trace header"]}"}}
    query: {{key: {canaries["query of an engine"]}}}
  tls:
    backend: vllm
    url: https://127.0.0.1:9
    model: tiny
    headers: {{Authorization: "Bearer {canaries["authorization header"]}"}}
    tls: {{cert_file: client.pem, key_file: client.key, ca_file: ca.pem}}
discovery:
  files: [found.yaml]
  kubernetes: {{namespaces: [llm], kubeconfig: kubeconfig}}
credentials:
  - {{host: 127.0.0.1, api_key: {{file: key-for-found-targets}}, headers: {{X-Found: {canaries["header for found targets"]}}}}}
scenarios:
  beat: {{every: 1s, prompt: {{text: Hello}}}}
"""
    environ = {
        "ENGINE_KEY": canaries["key in a variable"],
        "BOT_TOKEN": canaries["token in a variable"],
        "https_proxy": f"http://user:{canaries['password of a proxy']}@127.0.0.1:9",
        "no_proxy": "",
    }
    return text, environ


def variants(text: str, canaries: Canaries) -> Iterator[tuple[str, str]]:
    """The configuration with a secret where it does not belong, and what that is."""
    yield "key inline", text.replace("{file: key-of-an-engine}", canaries["key inline"])
    yield "key as a key", text.replace("{file: key-of-an-engine}", f"{{{canaries['key as a key']}: x}}")
    yield "token inline", text.replace("{file: token, role: operate}", canaries["token inline"])
    yield "token as a key", text.replace("{file: token, role: operate}", f"{{{canaries['token as a key']}: x}}")
    yield "userinfo", text.replace("https://127.0.0.1:9", f"https://user:{canaries['userinfo']}@127.0.0.1:9")
    yield "query of a URL", text.replace("https://127.0.0.1:9", f"https://127.0.0.1:9/?key={canaries['query of a URL']}")
    yield "header with a break", text.replace('Traceparent: "', f'Traceparent: "{canaries["header with a break"]}\\n')
    yield "name of a header", text.replace("Traceparent:", f'"X {canaries["name of a header"]}":')
    yield "not YAML", text.replace("{file: key-of-an-engine}", f"{{file: '{canaries['not YAML']}")
    yield "anchor", text.replace("{file: key-of-an-engine}", f"*{canaries['anchor']}")


def refusal(file: Path, environ: dict[str, str]) -> bytes:
    """What is wrong with a configuration, as `check` and a reload say it."""
    with pytest.raises(ConfigError) as caught:
        read([file], environ)
    return str(caught.value).encode()


async def ran(*arguments: str, cwd: Path, environ: dict[str, str]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        str(BIN), *arguments, cwd=cwd, env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return out


async def served(folder: Path, canaries: Canaries, authority: trustme.CA, environ: dict[str, str], said: Said) -> None:
    """Everything that a running exporter says: pages, errors, its log at `debug`, records, a reload that is refused, and one that is not."""
    log = folder / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(str(BIN), "serve", "--config", "chatprobe.yaml", "--log-level", "debug", "--records", "records.ndjson"),
            cwd=folder,
            env={**os.environ, **environ, "PYTHONASYNCIODEBUG": "1"},
            stdout=output,
            stderr=output,
        )
    port = next(line.rpartition(":")[2] for line in (folder / "chatprobe.yaml").read_text().splitlines() if line.startswith("  listen:"))
    token = {"Authorization": f"Bearer {canaries['token']}"}
    try:
        async with aiohttp.ClientSession(f"https://127.0.0.1:{port}", connector=aiohttp.TCPConnector(ssl=client(authority))) as session:

            async def ask(name: str, path: str, method: str = "GET", **headers: str) -> bytes:
                async with session.request(method, path, headers=headers) as answer:
                    found = await answer.read()
                    said.texts[name] = f"{answer.status} {dict(answer.headers)}".encode() + found
                    return found

            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    try:
                        page = await ask("metrics", "/metrics", **token)
                        if all(f'target="{name}"'.encode() in page for name in ("well", "echoes", "tls", "found")) and _chatted(page):
                            break
                    except aiohttp.ClientError:
                        assert process.returncode is None, log.read_text()
                    await asyncio.sleep(0.1)
            await ask("OpenMetrics", "/metrics", Accept="application/openmetrics-text", **token)
            for path in PATHS:
                await ask(path, path, **token)
            for name in ("password of a user", "wrong password"):
                shown = base64.b64encode(f"alice:{canaries[name]}".encode()).decode()
                await ask(name, "/", Authorization=f"Basic {shown}")
            await ask("a wrong token", "/", Authorization=f"Bearer {canaries['wrong token']}")
            await ask("a token in the path", f"/{canaries['wrong token']}?token={canaries['wrong token in a query']}", Authorization="Bearer x")
            good = (folder / "chatprobe.yaml").read_text()
            for name, text in variants(good, canaries):
                (folder / "chatprobe.yaml").write_text(text)
                await ask(f"reload: {name}", "/-/reload", "POST", **token)
            await ask("page after", "/", **token)
            (folder / "chatprobe.yaml").write_text(good.replace("every: 1s", "every: 2s"))
            await ask("reload", "/-/reload", "POST", **token)
    finally:
        process.send_signal(signal.SIGABRT if process.returncode is None else 0)
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    said.texts["log"] = log.read_bytes()
    said.texts["records"] = (folder / "records.ndjson").read_bytes()


PATHS = (
    "/",
    *(f"/{page}" for page in ("scenarios", "alerts", "discovery", "configuration", "health", "config", "nowhere", "-/ready", "-/healthy")),
    *(f"/targets/{name}" for name in ("well", "echoes", "tls", "found", "nobody")),
    *(f"/api/v1/{what}" for what in ("targets", "records", "records?outcome=failed", "summary", "slos", "pairs", "runs", "openapi.json", "nowhere")),
    "/probe?target=echoes&scenario=beat&debug=true",
    "/probe?target=well",
)


def _chatted(page: bytes) -> bool:
    """Whether each target has had a chat, well or not."""
    probes = [line for line in page.splitlines() if line.startswith(b"chatprobe_probes_total{") and not line.endswith(b" 0.0")]
    return len({line.split(b'target="')[1].split(b'"')[0] for line in probes}) >= 4


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def said(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Said]:
    folder, canaries, authority = tmp_path_factory.mktemp("canary"), Canaries(), trustme.CA()
    found = Said(canaries)
    cluster = fake_cluster.Cluster()
    with fake_cluster.serving(cluster) as cluster_url:
        async with engine() as one, echo() as echoing:
            text, environ = planted(folder, canaries, authority, one, echoing, cluster_url)
            file = folder / "chatprobe.yaml"
            file.write_text(text)
            for name, broken in variants(text, canaries):
                (folder / "broken.yaml").write_text(broken)
                found.texts[f"check: {name}"] = refusal(folder / "broken.yaml", environ)
            found.texts["check"], found.texts["discover"], _ = await asyncio.gather(
                ran("check", "broken.yaml", cwd=folder, environ=environ),
                ran("discover", "--config", "chatprobe.yaml", cwd=folder, environ=environ),
                served(folder, canaries, authority, environ, found),
            )
            file.write_text(text)
            arguments = ("bench", "run", "chatprobe.yaml", "--targets", "well", "--users", "1", "--rounds", "1", "--duration", "8s")
            found.texts["bench"] = await ran(*arguments, cwd=folder, environ=environ)
            for each in (each for each in (folder / "results").rglob("*") if each.is_file()):
                found.texts[f"result {each.name}"] = each.read_bytes()
            yield found


async def test_everything_said_something(said: Said) -> None:
    """What searches nothing finds nothing."""
    assert len(said.canaries) > 25
    assert said.canaries.found_in(b"<" + base64.b64encode(f"alice:{said.canaries['token']}".encode()) + b">") == ["token"]
    records = [json.loads(line) for line in said.texts["records"].splitlines()]
    assert {record["target"] for record in records} == {"well", "echoes", "tls", "found"}
    assert b"200 " in said.texts["/config"][:4]
    assert b"probe failed" in said.texts["log"]
    assert b"Incorrect API key provided" in said.texts["/targets/echoes"]
    assert b"Incorrect API key provided" in said.texts["/api/v1/records"]
    assert said.texts["/probe?target=echoes&scenario=beat&debug=true"].startswith(b"200 ")
    assert b"Incorrect API key provided" in said.texts["records"], "what engines say is told"
    for name, text in said.texts.items():
        if name.startswith("check: "):
            assert b"broken.yaml" in text, name
        if name.startswith("reload: "):
            assert text.startswith(b"500 "), name
    assert said.texts["reload"].startswith(b"200 ")
    assert sum(name.startswith("result ") for name in said.texts) > 3


async def test_no_secret_is_in_any_of_it(said: Said) -> None:
    assert said.leaks() == {}
