"""Synthetic text: common words without repetition, and how many of them make a length."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.prompts.synthetic import INSTRUCTION, Length, text, vocabulary, words


def test_the_vocabulary_is_of_plain_words_once_each() -> None:
    assert len(vocabulary()) > 500
    assert len(set(vocabulary())) == len(vocabulary())
    assert all(word.isalpha() and word.islower() and word.isascii() for word in vocabulary())


def test_no_passage_comes_again() -> None:
    taken = list(itertools.islice(words(random.Random(1)), 5 * len(vocabulary())))
    passages = [tuple(taken[start : start + 4]) for start in range(len(taken) - 3)]
    assert len(set(passages)) == len(passages)


def test_text_has_an_instruction_and_its_count_of_words() -> None:
    written = text(random.Random(1), 100)
    assert written.startswith(f"{INSTRUCTION} ")
    assert len(written.removeprefix(INSTRUCTION).split()) == 100


def test_a_shorter_text_of_a_seed_is_the_head_of_a_longer_one() -> None:
    assert text(random.Random(1), 100).startswith(text(random.Random(1), 60) + " ")


@pytest.mark.parametrize("input_tokens", [64, 256, 2048])
@pytest.mark.parametrize("around", [9, 20, 45])
@pytest.mark.parametrize("tokens_per_word", [1.0, 1.1, 1.5, 2.0])
def test_one_count_brings_the_length_within_a_fifth(input_tokens: int, around: int, tokens_per_word: float) -> None:
    length = Length(input_tokens)
    length.correct(round(around + tokens_per_word * length.words))
    assert around + tokens_per_word * length.words == pytest.approx(input_tokens, rel=0.2)


@pytest.mark.parametrize("around", [9, 20, 45])
def test_with_words_of_one_token_one_count_brings_the_length_exactly(around: int) -> None:
    length = Length(256)
    length.correct(around + length.words)
    assert around + length.words == 256


def test_only_the_first_count_corrects() -> None:
    length = Length(256)
    length.correct(500)
    corrected = length.words
    length.correct(100)
    assert length.words == corrected


@given(st.integers(1, 100_000), st.integers(0, 2**63))
def test_a_nonsensical_count_does_no_more_than_the_bounds_allow(input_tokens: int, counted: int) -> None:
    length = Length(input_tokens)
    before = length.words
    length.correct(counted)
    assert before // 12 <= length.words <= max(1, 2 * input_tokens)
    assert length.words >= 1
