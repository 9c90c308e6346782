"""How few tokens an honest engine can count: never fewer than the bound, whatever the text, and not many times more."""

from __future__ import annotations

import random

import pytest

from probes.ask import Message
from probes.prompts import Named, Prompter, Synthetic
from probes.prompts.fewest import fewest_of_random_words, fewest_tokens
from probes.prompts.synthetic import text

TOKENS = [
    # text, and how many tokens Mistral's Tekken (131,072 pieces) makes of it
    pytest.param("соответственно государственного пользователей " * 200, 803, id="long words that are one token"),
    pytest.param("responsibilities internationalization characteristics telecommunications " * 300, 1503, id="long English words"),
    pytest.param("中华人民共和国" * 500, 1000, id="a name again and again"),
    pytest.param("大语言模型的推理服务需要在高并发下保持较低的首字延迟，同时保证吞吐量。" * 60, 2160, id="Chinese"),
    pytest.param("ประเทศไทยเป็นประเทศที่สวยงามมาก" * 100, 1100, id="Thai"),
    pytest.param("المملكة العربية السعودية والمسؤوليات " * 150, 902, id="Arabic"),
    pytest.param(("x" + " " * 200) * 50, 201, id="white space"),
    pytest.param("=" * 20_000, 625, id="a line of one sign"),
    pytest.param("ట్రాక్టర్లున్నాయి " * 500, 1499, id="the longest word that is one token"),
    pytest.param("by the way of the " * 500, 2501, id="a phrase again and again"),
    pytest.param("| | | | |\n" * 1000, 5000, id="a table"),
    pytest.param("deadbeef" * 3000, 9000, id="hexadecimal"),
]


@pytest.mark.parametrize(("written", "tokens"), TOKENS)
def test_honest_tokenizers_stay_above(written: str, tokens: int) -> None:
    assert fewest_tokens([Message("user", written)]) <= 0.7 * tokens


def test_prose_is_bounded_by_half_its_words() -> None:
    words = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog"] * 1000
    assert fewest_tokens([Message("user", " ".join(words))]) == len(words) // 2


def test_text_without_blanks_is_bounded_by_its_bytes() -> None:
    assert fewest_tokens([Message("user", "日本語" * 3200)]) == 900


def test_messages_add_up() -> None:
    assert fewest_tokens([Message("user", "a b c d"), Message("assistant", "e f")]) == 3


def test_half_a_character_breaks_nothing() -> None:
    assert fewest_tokens([Message("user", "\ud83d" * 64 + " a")]) == 1


def test_synthetic_prompts_know_their_words() -> None:
    prompt = Prompter(Synthetic(3000), cache="cold", seed=1).next()
    assert prompt.fewest_tokens == fewest_of_random_words(2980) == 2682
    assert len(text(random.Random(1), 2980).split()) > prompt.fewest_tokens


def test_prompts_of_a_set_know_their_bound() -> None:
    prompt = Prompter(Named("short-question"), cache="cold", seed=1).next()
    assert prompt.fewest_tokens == fewest_tokens(prompt.messages) > 0
