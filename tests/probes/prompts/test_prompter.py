"""What the chats of a scenario say: cold ones always something new, warm ones always the same."""

import pytest

from probes.ask import Message
from probes.prompts import Named, Prompter, PromptSpec, Synthetic, Text
from probes.prompts.sets import load

each_spec = pytest.mark.parametrize("spec", [Named("creative"), Synthetic(100), Text("Hello?")], ids=["named", "synthetic", "text"])


@each_spec
def test_every_cold_prompt_has_a_nonce_that_no_prompt_had_before(spec: PromptSpec) -> None:
    first, restarted = Prompter(spec, cache="cold", seed=1), Prompter(spec, cache="cold", seed=1)
    nonces = [prompter.next().nonce for _ in range(50) for prompter in (first, restarted)]
    assert len(set(nonces)) == 100
    assert all(nonce and nonce.isalnum() and len(nonce) <= 128 for nonce in nonces)


@each_spec
def test_warm_prompts_are_one_prompt_without_a_nonce(spec: PromptSpec) -> None:
    prompter = Prompter(spec, cache="warm", seed=1)
    prompt = prompter.next()
    assert prompt.nonce is None
    assert [prompter.next() for _ in range(9)] == [prompt] * 9
    assert Prompter(spec, cache="warm", seed=1).next() == prompt


def test_cold_prompts_take_turns_through_their_set() -> None:
    prompter = Prompter(Named("short-question"), cache="cold", seed=1)
    texts = load("short-question").prompts
    taken = [prompter.next() for _ in range(len(texts) + 1)]
    assert [prompt.messages for prompt in taken] == [(Message("user", text),) for text in (*texts, texts[0])]
    assert [prompt.prompt_id for prompt in taken[:2]] == ["short-question/1", "short-question/2"]
    assert taken[-1].prompt_id == "short-question/1"


def test_cold_synthetic_prompts_are_new_each_time_and_follow_from_the_seed() -> None:
    first, again, other = (Prompter(Synthetic(64), cache="cold", seed=seed) for seed in (1, 1, 2))
    taken = [first.next().messages for _ in range(20)]
    assert len(set(taken)) == 20
    assert [again.next().messages for _ in range(20)] == taken
    assert other.next().messages not in taken


def test_synthetic_prompts_are_named_by_the_length_that_was_asked_for() -> None:
    assert Prompter(Synthetic(256), cache="cold", seed=1).next().prompt_id == "synthetic-256"


def test_the_first_count_corrects_the_length_and_later_ones_do_not() -> None:
    prompter = Prompter(Synthetic(200), cache="warm", seed=1)
    before = len(prompter.next().messages[0].content)
    prompter.learn(400)
    after = len(prompter.next().messages[0].content)
    assert after < 0.7 * before
    prompter.learn(900)
    assert len(prompter.next().messages[0].content) == after


def test_a_warm_prompt_keeps_its_head_when_its_length_is_corrected() -> None:
    prompter = Prompter(Synthetic(200), cache="warm", seed=1)
    before = prompter.next().messages[0].content
    prompter.learn(400)
    assert before.startswith(prompter.next().messages[0].content)


@pytest.mark.parametrize("spec", [Named("creative"), Text("Hello?")], ids=["named", "text"])
def test_a_count_changes_nothing_about_prompts_that_stand(spec: PromptSpec) -> None:
    prompter = Prompter(spec, cache="warm", seed=1)
    before = prompter.next()
    prompter.learn(5)
    assert prompter.next() == before


def test_a_text_is_said_as_it_stands() -> None:
    prompt = Prompter(Text("  Hello?\n"), cache="cold", seed=1).next()
    assert (prompt.prompt_id, prompt.messages) == ("text", (Message("user", "  Hello?\n"),))


def test_specs_that_make_no_prompt_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 token"):
        Synthetic(0)
    with pytest.raises(ValueError, match="not empty"):
        Text(" \n")
    with pytest.raises(ValueError, match="UTF-8"):
        Text("Hello\udcff")
    with pytest.raises(ValueError, match="no prompt set 'jokes'"):
        Prompter(Named("jokes"), cache="cold", seed=1)
