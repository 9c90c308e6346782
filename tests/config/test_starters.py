from __future__ import annotations

import re
from typing import get_args

import pytest

from config.model import Target
from config.reader import parse
from config.sections import SECTIONS, keys
from config.starters import PRESETS, starter
from probes.backends import names


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_valid(preset: str | None) -> None:
    assert parse(starter(preset)).config.scenarios


def test_presets_cover_the_three_engines() -> None:
    for preset in PRESETS:
        assert {target.backend for target in parse(starter(preset)).config.targets.values()} == {"vllm", "tgi", "ollama"}


def test_every_backend_can_be_configured() -> None:
    assert get_args(Target.model_fields["backend"].annotation) == names()


def test_no_preset_of_that_name() -> None:
    with pytest.raises(KeyError):
        starter("../example")


@pytest.mark.parametrize("place", [place for place in SECTIONS if place != ("targets", "*", "api_key")], ids=lambda place: ".".join(place) or "top")
def test_the_example_shows_every_key(place: tuple[str, ...]) -> None:
    for key in keys(SECTIONS[place]):
        assert re.search(rf"[\s{{#]{key}:", starter()), key


def test_what_the_example_comments_out_is_valid_too() -> None:
    """A line that begins with # and no space holds a key; of two ways to name an API key one is taken, and there are no certificates here."""
    uncommented = re.sub(r"^( *)#(?! \S)", r"\1", starter(), flags=re.MULTILINE)
    text = "\n".join(line for line in uncommented.splitlines() if "api_key: {file" not in line and not line.startswith("    tls:"))
    config = parse(text, environ={"VLLM_API_KEY": "x"}).config
    assert set(config.targets) == {"vllm", "tgi", "ollama"}
    assert config.targets["vllm"].api_key is not None
    assert config.slos["heartbeat"].e2e_seconds == 5
    assert config.scenarios["heartbeat"].targets == ("vllm",)
