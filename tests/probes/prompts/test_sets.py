"""The prompt sets that come with chatprobe."""

from importlib import resources

import pytest

from probes.prompts import names
from probes.prompts.sets import load

each_set = pytest.mark.parametrize("name", names())


def test_the_sets_are_the_files() -> None:
    files = [entry.name for entry in resources.files("probes.prompts").joinpath("sets").iterdir()]
    assert sorted(files) == [f"{name}.yaml" for name in names()]
    assert {"short-question", "customer-support", "code-review", "creative", "educational", "technical", "casual"} <= set(names())


@each_set
def test_a_set_says_what_it_is_and_has_prompts_of_its_own(name: str) -> None:
    found = load(name)
    assert found.name == name
    assert found.description.endswith(".")
    texts = found.prompts + found.conversation
    assert all(isinstance(text, str) and len(text) > 20 for text in texts)
    assert len(set(texts)) == len(texts)
    assert len(found.prompts) >= 6


@each_set
def test_a_set_has_a_conversation_of_several_turns(name: str) -> None:
    assert len(load(name).conversation) >= 4


def test_an_unknown_set_is_answered_with_the_ones_there_are() -> None:
    with pytest.raises(ValueError, match=rf"^no prompt set 'jokes'; there are: {', '.join(names())}$"):
        load("jokes")
