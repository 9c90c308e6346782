from __future__ import annotations

import re

import pytest

from config.load import ClosedLoop, OpenLoop
from config.model import Target
from config.reader import parse
from config.sections import SECTIONS, keys
from config.starters import BENCH_PRESETS, PRESETS, bench_preset, starter
from probes.backends import names


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_valid(preset: str | None) -> None:
    assert parse(starter(preset)).config.scenarios


def test_presets_cover_the_three_engines() -> None:
    for preset in PRESETS:
        assert {target.backend for target in parse(starter(preset)).config.targets.values()} == {"vllm", "tgi", "ollama"}


def test_every_backend_can_be_configured() -> None:
    for backend in names():
        assert (
            parse(f"targets: {{v: {{backend: {backend}, url: http://v}}}}\nscenarios: {{b: {{every: 15s}}}}\n").config.targets["v"].backend == backend
        )
    assert Target.model_json_schema()["properties"]["backend"]["enum"] == [*names()]


def test_no_preset_of_that_name() -> None:
    with pytest.raises(KeyError):
        starter("../example")


@pytest.mark.parametrize("place", [place for place in SECTIONS if place[-1:] != ("api_key",)], ids=lambda place: ".".join(place) or "top")
def test_the_example_shows_every_key(place: tuple[str, ...]) -> None:
    for key in keys(SECTIONS[place]):
        assert re.search(rf"[\s{{#]{key}:", starter()), key


def test_what_the_example_comments_out_is_valid_too() -> None:
    """A line that begins with # and no space holds a key; of two ways to name an API key one is taken, and there are no certificates here."""
    uncommented = re.sub(r"^( *)#(?! \S)", r"\1", starter(), flags=re.MULTILINE)
    text = "\n".join(line for line in uncommented.splitlines() if "api_key: {file" not in line and not line.startswith("    tls:"))
    config = parse(text, environ={"VLLM_API_KEY": "x", "SCRAPE_TOKEN": "0123456789abcdef"}).config
    assert set(config.targets) == {"vllm", "tgi", "ollama"}
    assert config.targets["vllm"].api_key is not None
    assert config.slos["heartbeat"].e2e_seconds == 5
    assert config.scenarios["heartbeat"].targets == ("vllm", "team-*")
    assert set(config.scenarios) == {"heartbeat", "chat", "open-loop", "waves", "steps"}
    assert [credential.host for credential in config.credentials] == ["*.vllm.svc.cluster.local"]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_warn_of_nothing_but_ollamas_keep_alive(preset: str) -> None:
    warnings = parse(starter(preset)).warnings
    assert all("keep-alive" in warning.text for warning in warnings)
    assert (preset == "default") == bool(warnings)


def test_the_stress_test_has_many_users_and_waves_of_a_hundred() -> None:
    loads = {name: scenario.load for name, scenario in parse(starter("stress-test")).config.scenarios.items()}
    users, waves, arrivals = loads["users"], loads["waves"], loads["arrivals"]
    assert isinstance(users, ClosedLoop)
    assert isinstance(waves, ClosedLoop)
    assert users.stages[0].users >= 50
    assert users.think_time is not None
    assert users.ramp_up_seconds
    assert max(stage.users for stage in waves.stages) == 100
    assert isinstance(arrivals, OpenLoop)


@pytest.mark.parametrize("preset", BENCH_PRESETS)
def test_what_a_preset_of_benchmark_runs_says_holds_with_any_targets(preset: str) -> None:
    loaded = parse(f"targets: {{v: {{backend: vllm, url: http://v}}}}\n{bench_preset(preset)}")
    bench = loaded.config.bench
    assert bench.scenario in loaded.config.scenarios
    assert bench.duration_seconds == {"quick": 300, "standard": 1800, "stress": 4200}[preset]
    assert bench.levels
    assert all(level.users is not None for level in bench.levels)


def test_the_stress_preset_has_fifty_users_and_more() -> None:
    levels = parse(f"targets: {{v: {{backend: vllm, url: http://v}}}}\n{bench_preset('stress')}").config.bench.levels
    assert min(level.users or 0 for level in levels) >= 50


@pytest.mark.parametrize(("said", "left_out"), [("sweep", "levels"), ("replay", "levels"), ("block", "duration"), ("duration", "duration")])
def test_a_preset_does_not_say_what_is_said_in_another_way(said: str, left_out: str) -> None:
    whole, without = bench_preset("quick"), bench_preset("quick", {said})
    assert f"{left_out}:" in whole
    assert f"{left_out}:" not in without
    assert "rounds: 5" in without


def test_no_preset_of_benchmark_runs_of_that_name() -> None:
    with pytest.raises(KeyError):
        bench_preset("quick-test")
    assert not set(PRESETS) & {f"bench-{name}" for name in BENCH_PRESETS}
