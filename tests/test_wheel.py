"""The wheel, as a user gets it: built, installed into an empty environment, run from another folder."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"alerts", "bench", "catalogue", "cli", "config", "dashboards", "discovery", "exporter", "probes", "simulator", "traffic"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    building = [sys.executable, "-m", "build", "--installer", "uv", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(building, check=True, capture_output=True, text=True)
    (built,) = folder.glob("chatprobe-*.whl")
    return built


def test_it_holds_the_rooms_and_their_data_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    rooms = {name.partition("/")[0] for name in names}
    assert {room for room in rooms if not room.endswith(".dist-info")} == ROOMS
    data = [
        *(f"config/{file.name}" for file in (ROOT / "config").glob("*.yaml")),
        "probes/prompts/words.txt",
        *(f"probes/prompts/sets/{file.name}" for file in (ROOT / "probes/prompts/sets").glob("*.yaml")),
        *(f"cli/pages/runbooks/{file.name}" for file in (ROOT / "docs/runbooks").glob("*.md")),
    ]
    assert [name for name in data if name not in names] == []
    assert [name for name in names if "__pycache__" in name] == []


def test_it_runs_from_another_folder_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home)
    uv = Path(sys.executable).parent / "uv"
    subprocess.run([uv, "pip", "install", "--python", home / "bin/python", wheel], check=True, capture_output=True, text=True)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "cli").mkdir(parents=True)  # a folder of the user's, with a name of ours
    (elsewhere / "cli" / "__init__.py").write_text("raise ImportError('this is not chatprobe')")
    chatprobe = home / "bin/chatprobe"

    (elsewhere / "german.yaml").write_text(
        "targets: {vllm: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s, expect: {german: {language: de}}}}\n"
    )
    for extra, command in {"language": ["check", "german.yaml"], "dashboards": ["dashboards", "check"]}.items():
        refused = subprocess.run([chatprobe, *command], cwd=elsewhere, check=False, capture_output=True, text=True)
        assert refused.returncode == 1
        assert f"install chatprobe[{extra}] in place of chatprobe" in refused.stderr

    for topic, words in {"stalled": "It can be", "LLMTargetDown": "**Fires when**", "TTFT": "first_token - sent", "queue": "**Fact:**"}.items():
        told = subprocess.run([chatprobe, "explain", topic], cwd=elsewhere, check=True, capture_output=True, text=True)
        assert words in told.stdout
    everything = subprocess.run([chatprobe, "explain"], cwd=elsewhere, check=True, capture_output=True, text=True)
    assert "chatprobe_ttft_seconds" in everything.stdout

    written = subprocess.run([chatprobe, "init", "-o", "example.yaml"], cwd=elsewhere, check=True, capture_output=True, text=True)
    assert "example.yaml written" in written.stdout
    demo = subprocess.run(
        [chatprobe, "demo", "--listen", "127.0.0.1:0", "--duration", "13"], cwd=elsewhere, check=False, capture_output=True, text=True, timeout=300
    )
    assert (demo.returncode, demo.stderr) == (0, "")
    standings = {line.split()[0]: line for line in demo.stdout.splitlines() if " failed " in line}
    assert standings.keys() == {"vllm", "tgi", "ollama"}
    for engine, line in standings.items():
        assert line.split()[1] == "ok", engine
        assert int(line.partition("chats ")[2].split()[0]) >= 1
        assert line.endswith(" failed 0")
