"""What simulated engines say: tokens by number, readable as sentences."""

from __future__ import annotations

import pytest

from simulator.sentences import CLOSERS, OPENERS, SENTENCES
from simulator.text import answer_words, ended


def test_an_answer_follows_from_its_seed_and_a_longer_one_begins_like_it() -> None:
    assert answer_words(1, 40) == answer_words(1, 80)[:40]
    assert answer_words(1, 40) != answer_words(2, 40)


def test_it_is_made_of_whole_sentences_and_says_first_that_it_is_simulated() -> None:
    text = "".join(answer_words(3, 400))
    opener = next(one for one in OPENERS if text.startswith(one))
    rest = text.removeprefix(opener).strip()
    while rest and not any(one.startswith(rest) for one in SENTENCES):
        sentence = next(one for one in SENTENCES if rest.startswith(one))
        rest = rest.removeprefix(sentence).strip()


@pytest.mark.parametrize("count", [1, 2, 5, 17, 30, 31, 32, 33, 34, 35, 36, 37, 38, 60])
def test_one_that_ends_by_itself_has_as_many_tokens_and_ends_a_sentence(count: int) -> None:
    words = ended(answer_words(4, count))
    assert len(words) == count
    text = "".join(words)
    assert text.endswith(".") or count > len(CLOSERS)
    assert "  " not in text
    assert not text.startswith(" ")


def test_closers_are_as_long_as_their_place_says() -> None:
    assert [len(closer.split()) for closer in CLOSERS] == list(range(1, len(CLOSERS) + 1))
