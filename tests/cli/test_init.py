from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.init import command
from config.reader import parse, read
from config.starters import PRESETS, starter
from simulator import Options, simulated
from tests.servers import closed_port


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def init(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_writes_a_valid_example() -> None:
    result = init()
    assert result.exit_code == 0
    assert result.output == "chatprobe.yaml written; check it with: chatprobe check chatprobe.yaml\n"
    loaded = read([Path("chatprobe.yaml")])
    assert loaded.config.targets
    assert loaded.warnings == ()


@pytest.mark.parametrize("preset", PRESETS)
def test_writes_presets(preset: str) -> None:
    assert init("--preset", preset, "-o", "other.yaml").exit_code == 0
    assert Path("other.yaml").read_text() == starter(preset)


def test_standard_output() -> None:
    assert init("-o", "-").output == starter()
    assert not list(Path().iterdir())


def test_does_not_overwrite_unless_told_to() -> None:
    Path("chatprobe.yaml").write_text("mine")
    result = init()
    assert result.exit_code == 1
    assert result.stderr == "Error: chatprobe.yaml exists; --force overwrites it\n"
    assert Path("chatprobe.yaml").read_text() == "mine"
    assert init("--force").exit_code == 0
    assert Path("chatprobe.yaml").read_text() == starter()


def test_what_cannot_be_written_is_said() -> None:
    result = init("-o", "missing/chatprobe.yaml")
    assert result.exit_code == 1
    assert result.stderr == "Error: missing/chatprobe.yaml cannot be written: No such file or directory; name another file with --output\n"


def test_no_such_preset() -> None:
    result = init("--preset", "defualt")
    assert result.exit_code == 2
    assert f"there is no preset defualt; there are {', '.join(PRESETS)}" in result.stderr


async def init_for(*arguments: str) -> Result:
    return await asyncio.to_thread(init, *arguments)


async def test_for_the_engines_that_are_there() -> None:
    async with simulated("vllm", Options(models=("big",))) as vllm, simulated("tgi") as tgi, simulated("ollama") as ollama, simulated("vllm") as more:
        targets = (f"--target={tgi.url}/v1", f"--target=no={vllm.url}", f"--target={ollama.url}/api", f"--target={more.url}")
        result = await init_for(*targets)
        assert result.exit_code == 0, result.output
        assert f"At {tgi.url} answers TGI, by its /info." in result.output
        assert "--target: ends in /v1, which chatprobe adds itself" in result.output
        config = read([Path("chatprobe.yaml")]).config
        assert {name: (target.backend, target.url) for name, target in config.targets.items()} == {
            "tgi": ("tgi", tgi.url),
            "no": ("vllm", vllm.url),
            "ollama": ("ollama", ollama.url),
            "vllm": ("vllm", more.url),
        }
    text = await asyncio.to_thread(Path("chatprobe.yaml").read_text)
    assert re.search(r"# vLLM [0-9.]+; it lists big\.", text)
    assert "127.0.0.1:8080" not in text
    assert config.scenarios == parse(starter("default")).config.scenarios


async def test_a_second_engine_of_a_kind_has_a_number() -> None:
    async with simulated("vllm") as one, simulated("vllm") as two:
        result = await init_for("--target", one.url, "--target", two.url, "--preset", "quick-test")
        assert result.exit_code == 0, result.output
    config = read([Path("chatprobe.yaml")]).config
    assert (list(config.targets), list(config.scenarios)) == (["vllm", "vllm-2"], ["quick", "talk"])


async def test_nobody_there() -> None:
    result = await init_for("--target", f"http://127.0.0.1:{closed_port()}")
    assert result.exit_code == 1
    assert "it cannot be told which engine answers at http://127.0.0.1" in result.output
    assert not os.listdir()  # noqa: PTH208


@pytest.mark.parametrize(
    ("targets", "message"),
    [(["nowhere"], "is not a URL of an engine"), (["a b=http://h"], "is not usable as a name")],
)
def test_targets_that_cannot_be_meant(targets: list[str], message: str) -> None:
    result = init(*(f"--target={one}" for one in targets))
    assert result.exit_code == 2
    assert message in result.output


async def test_a_name_is_given_once() -> None:
    async with simulated("vllm") as one:
        result = await init_for(f"--target=a={one.url}", f"--target=a={one.url}")
    assert result.exit_code == 2
    assert "names two targets alike" in result.output


async def test_an_engine_that_wants_a_key_is_written_down_with_where_it_goes() -> None:
    async with simulated("vllm", Options(api_key="k-secret")) as one:
        result = await init_for("--target", one.url, "--output", "-")
    assert result.exit_code == 0, result.output
    assert re.search(r"# vLLM [0-9.]+; it wants a key: write api_key: \{file: PATH\}\. Without a model", result.stdout)
