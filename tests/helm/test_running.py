"""What the chart renders, run here: the container's command, environment and files, with their places mapped to a folder."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.exporter.engine import KEY, Engine, engine
from tests.helm.cluster import Rendered, render
from tests.processes import free_port
from tests.waiting import PATIENCE_SECONDS

Json = dict[str, Any]
BIN = Path(sys.executable).parent
DOWNWARD = {"metadata.name": "bench-chatprobe-0", "metadata.namespace": "vllm-benchmark"}


def written_out(rendered: Rendered, spec: Json, folder: Path, secrets: dict[str, dict[str, str]]) -> dict[str, Path]:
    """Each volume of a pod as a folder with its files: where every mount's path leads to."""
    held = {each["metadata"]["name"]: each["data"] for each in rendered.all("ConfigMap")}
    volumes: dict[str, Path] = {}
    for volume in spec["volumes"]:
        files: dict[str, str] = {}
        if "configMap" in volume:
            files = held[volume["configMap"]["name"]]
        elif "secret" in volume:
            files = secrets[volume["secret"]["secretName"]]
        volumes[volume["name"]] = folder / volume["name"]
        volumes[volume["name"]].mkdir()
        for name, text in files.items():
            (volumes[volume["name"]] / name).write_text(text)
    (container,) = spec["containers"]
    return {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}


def mapped(text: str, places: dict[str, Path]) -> str:
    longest_first = "|".join(re.escape(path) for path in sorted(places, key=len, reverse=True))
    return re.sub(longest_first, lambda found: str(places[found[0]]), text)


@asynccontextmanager
async def running(rendered: Rendered, folder: Path, secrets: dict[str, dict[str, str]]) -> AsyncIterator[asyncio.subprocess.Process]:
    """The only container of the Deployment, as a process."""
    spec = rendered.one("Deployment")["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    places = written_out(rendered, spec, folder, secrets)
    for file in places["/etc/chatprobe"].iterdir():
        file.write_text(mapped(file.read_text(), {path: place for path, place in places.items() if path != "/etc/chatprobe"}))
    environment = {
        each["name"]: each["value"] if "value" in each else DOWNWARD[each["valueFrom"]["fieldRef"]["fieldPath"]] for each in container["env"]
    }
    command = [*container["command"], *container["args"]]
    for name, value in environment.items():
        command = [argument.replace(f"$({name})", value) for argument in command]
    command = [str(BIN / command[0]), *(mapped(argument, places) for argument in command[1:])]
    environment = {name: mapped(value, places) for name, value in environment.items()} | {"PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, env=environment, stderr=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)


def values(one: Engine, port: int) -> Json:
    return {
        "config": {
            "web": {"listen": f"127.0.0.1:{port}"},
            "discovery": {"kubernetes": None},
            "targets": {"vllm": {"backend": "vllm", "url": one.url, "api_key": {"file": "/var/run/secrets/chatprobe/vllm-key/api-key"}}},
            "scenarios": {"heartbeat": {"every": "1s"}},
            "secret_dirs": ["/var/run/secrets/chatprobe/vllm-key"],
        },
        "secrets": ["vllm-key"],
        "extraArgs": ["--records=/tmp/$(POD_NAME).ndjson"],
        "service": {"port": port},
    }


async def told_by_test(rendered: Rendered, port: int) -> tuple[int | None, str]:
    """What `helm test` says, with the Service's name mapped to here; it waits for one second at most."""
    (hook,) = rendered.hooks
    (container,) = hook["spec"]["containers"]
    script, url, _ = container["args"]
    assert (container["command"], url) == (["python3", "-c"], f"http://bench-chatprobe:{port}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, f"http://127.0.0.1:{port}", "1", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    return process.returncode, (out + err).decode().strip()


async def test_the_exporter_runs_as_rendered_and_its_test_agrees(tmp_path: Path) -> None:
    port = free_port()
    async with engine() as one:
        rendered = render("chatprobe", values(one, port))
        assert await told_by_test(rendered, port) == (1, f"http://127.0.0.1:{port}: <urlopen error [Errno 111] Connection refused>")
        async with (
            running(rendered, tmp_path, {"vllm-key": {"api-key": f"{KEY}\n"}}) as process,
            asyncio.timeout(PATIENCE_SECONDS),
            aiohttp.ClientSession() as session,
        ):
            await one.asked.wait()
            paths = [
                rendered.one("Deployment")["spec"]["template"]["spec"]["containers"][0][probe]["httpGet"]["path"]
                for probe in ("livenessProbe", "readinessProbe")
            ]
            for path in paths:
                async with session.get(f"http://127.0.0.1:{port}{path}") as response:
                    assert response.status == 200, path
            while True:
                async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                    page = await response.text()
                if "chatprobe_probe_success{" in page:
                    break
                await asyncio.sleep(0.1)
            assert await told_by_test(rendered, port) == (0, "each target has had a good chat")
            assert process.returncode is None
        assert process.returncode == 0
    assert one.keys == {f"Bearer {KEY}"}
    assert (tmp_path / "tmp" / "bench-chatprobe-0.ndjson").read_text()


async def test_a_test_without_targets_says_what_is_missing(tmp_path: Path) -> None:
    port = free_port()
    async with engine() as one:
        one.finish.clear()
        rendered = render("chatprobe", values(one, port))
        async with running(rendered, tmp_path, {"vllm-key": {"api-key": KEY}}), asyncio.timeout(PATIENCE_SECONDS):
            await one.asked.wait()
            assert await told_by_test(rendered, port) == (1, "no good chat yet with vllm; look at chatprobe's log")
            one.finish.set()
