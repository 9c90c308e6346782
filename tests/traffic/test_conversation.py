"""What is said to the engines: prompts alone, and conversations that carry their history."""

from __future__ import annotations

import gc
import weakref

import pytest

from config.model import Scenario
from config.reader import parse
from probes.ask import Cache, Message
from probes.prompts import Named, PromptSpec, Synthetic, Text
from probes.prompts.sets import load
from traffic.conversation import LONGEST_ANSWER, MOST_WAITING, Conversations, Prompts, Script, Turn, script

SAYS = load("customer-support").conversation


def talk(cache: Cache = "cold") -> Conversations:
    return Conversations("customer-support", cache)


def hold(turn: Turn, **answers: str | None) -> Turn:
    """Ask these targets, and have them answer; None: the chat fails."""
    for target, text in answers.items():
        turn.messages(target)
        if text is not None:
            turn.answered(target, text)
    return turn


def exchange(*texts: str) -> tuple[Message, ...]:
    """User and assistant by turns."""
    return tuple(Message(("user", "assistant")[place % 2], text) for place, text in enumerate(texts))


def test_a_user_holds_the_whole_conversation_and_then_a_new_one() -> None:
    them = talk()
    turn: Turn | None = None
    said: list[str] = []
    for number, text in enumerate(SAYS):
        turn = them.following(turn)
        said.append(text)
        assert turn.prompt_id == f"customer-support/conversation/{number + 1}"
        assert turn.messages("vllm") == exchange(*said)
        turn.answered("vllm", f"answer {number}")
        said.append(f"answer {number}")
    fresh = them.following(turn)
    assert fresh.prompt_id == "customer-support/conversation/1"
    assert fresh.messages("vllm") == exchange(SAYS[0])


def test_all_targets_read_the_same_history_and_none_always_its_own() -> None:
    them = talk()
    read = set()
    for _ in range(64):
        second = them.following(hold(them.following(None), vllm="from vLLM", tgi="from TGI"))
        assert second.messages("vllm") == second.messages("tgi")
        (said, answer, says) = second.messages("vllm")
        assert (said.content, says.content) == (SAYS[0], SAYS[1])
        read.add(answer.content)
    assert read == {"from vLLM", "from TGI"}


@pytest.mark.parametrize("answers", [{"vllm": "yes", "tgi": None}, {"vllm": None, "tgi": None}, {"vllm": "yes", "tgi": ""}])
def test_a_conversation_in_which_a_target_that_was_asked_does_not_answer_is_given_up(answers: dict[str, str | None]) -> None:
    them = talk()
    first = hold(them.following(None), **answers)
    again = them.following(first)
    assert again.prompt_id == "customer-support/conversation/1"
    assert again.nonce != first.nonce
    assert again.messages("vllm") == exchange(SAYS[0])


def test_a_target_that_was_not_asked_reads_what_another_answered() -> None:
    them = talk()
    second = them.following(hold(them.following(None), vllm="from vLLM"))
    assert second.messages("tgi") == exchange(SAYS[0], "from vLLM", SAYS[1])


def test_a_turn_that_went_to_nobody_is_said_again() -> None:
    them = talk()
    second = them.following(hold(them.following(None), vllm="yes"))
    again = them.following(second)
    assert (again.prompt_id, again.nonce) == (second.prompt_id, second.nonce)
    assert again.messages("vllm") == exchange(SAYS[0], "yes", SAYS[1])


def test_arrivals_go_on_with_the_conversation_that_has_waited_longest() -> None:
    them = talk()
    one, two, three = (them.next() for _ in range(3))
    for turn in (two, three, one):
        them.done(hold(turn, vllm="yes"))
    assert [them.next().nonce for _ in range(3)] == [two.nonce, three.nonce, one.nonce]
    assert them.next().prompt_id == "customer-support/conversation/1"


def test_conversations_of_arrivals_end_after_their_last_turn_or_when_they_fail() -> None:
    them = talk()
    taken = []
    for _ in range(2 * len(SAYS)):
        turn = them.next()
        taken.append(turn.prompt_id.rpartition("/")[2])
        them.done(hold(turn, vllm="yes"))
    assert taken == ["1", "2", "3", "4", "5"] * 2
    them.done(hold(them.next(), vllm="yes"))
    them.done(hold(them.next(), vllm=None))
    assert them.next().prompt_id == "customer-support/conversation/1"


def test_while_a_turn_is_under_way_its_conversation_does_not_go_on() -> None:
    them = talk()
    first = them.next()
    assert them.next().nonce != first.nonce


def test_so_many_conversations_wait_and_no_more() -> None:
    them = talk()
    turns = [them.next() for _ in range(MOST_WAITING + 5)]
    for turn in turns:
        them.done(hold(turn, vllm="yes"))
    taken = [them.next() for _ in range(MOST_WAITING + 1)]
    assert [turn.nonce for turn in taken[:-1]] == [turn.nonce for turn in turns[5:]]
    assert taken[-1].prompt_id == "customer-support/conversation/1"


def test_nothing_is_kept_of_a_turn_that_is_done_with() -> None:
    them = talk()
    turn = hold(them.next(), vllm="yes")
    kept = weakref.ref(turn)
    them.done(turn)
    del turn
    gc.collect()
    assert kept() is None


def test_a_cold_conversation_has_one_nonce_that_no_other_has() -> None:
    them = talk()
    first = them.following(None)
    second = them.following(hold(first, vllm="yes"))
    assert second.nonce == first.nonce is not None
    nonces = [turn.nonce for talking in (them, talk()) for turn in (talking.next() for _ in range(50))]
    assert len({first.nonce, *nonces}) == 101
    assert all(nonce and nonce.isalnum() for nonce in nonces)


def test_a_warm_conversation_has_no_nonce() -> None:
    assert talk("warm").next().nonce is None


def test_a_long_answer_is_cut_in_the_history() -> None:
    them = talk()
    second = them.following(hold(them.following(None), vllm="x" * LONGEST_ANSWER + "y"))
    assert second.messages("vllm")[1].content == "x" * LONGEST_ANSWER


def test_the_input_is_estimated_by_what_was_said() -> None:
    them = talk()
    first = them.following(None)
    assert first.input_tokens == -(-len(SAYS[0]) // 4)
    second = them.following(hold(first, vllm="x" * 1_000, tgi="y" * 1_000))
    assert second.input_tokens == -(-(len(SAYS[0]) + 1_000 + len(SAYS[1])) // 4)


@pytest.mark.parametrize(
    ("spec", "prompt_id", "input_tokens"),
    [(Named("short-question"), "short-question/1", 15), (Text("Hi you!"), "text", 2), (Synthetic(300), "synthetic-300", 300)],
)
def test_a_prompt_alone_goes_to_all_targets_and_nothing_follows(spec: PromptSpec, prompt_id: str, input_tokens: int) -> None:
    prompts = Prompts(spec, "cold", 1)
    turn = hold(prompts.next(), vllm="yes", tgi="yes")
    assert (turn.prompt_id, turn.input_tokens) == (prompt_id, input_tokens)
    assert len(turn.messages("vllm")) == 1
    assert turn.messages("vllm") == turn.messages("tgi")
    prompts.done(turn)
    for later in (prompts.next(), prompts.following(turn), prompts.following(None)):
        assert len(later.messages("vllm")) == 1
        assert later.nonce not in (None, turn.nonce)


def test_a_count_of_tokens_corrects_the_length_of_synthetic_prompts() -> None:
    prompts = Prompts(Synthetic(200), "warm", 1)
    turn = prompts.next()
    before = len(turn.messages("vllm")[0].content)
    prompts.learn(turn, 400)
    assert len(prompts.next().messages("vllm")[0].content) < 0.7 * before


def test_a_count_of_tokens_changes_nothing_about_a_conversation() -> None:
    them: Script = talk("warm")
    before = them.next()
    them.learn(before, 400)
    assert them.next().messages("vllm") == before.messages("vllm")


def scenario(written: str) -> Scenario:
    return parse(f"targets: {{x: {{backend: vllm, url: 'http://x'}}}}\nscenarios: {{x: {{every: 10s, {written}}}}}\n").config.scenarios["x"]


def test_a_scenario_says_its_conversation_or_its_prompt() -> None:
    turn = script(scenario("conversation: customer-support, cache: warm")).next()
    assert (turn.messages("vllm"), turn.nonce) == (exchange(SAYS[0]), None)
    turn = script(scenario("prompt: {text: Hello}")).next()
    assert turn.messages("vllm") == exchange("Hello")
    assert turn.nonce is not None


def test_the_seed_of_a_scenario_decides_its_synthetic_prompts() -> None:
    def said(seed: int) -> object:
        return script(scenario(f"prompt: {{input_tokens: 64}}, seed: {seed}")).next().messages("vllm")

    assert said(1) == said(1) != said(2)


def test_a_set_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no prompt set 'jokes'"):
        Conversations("jokes", "cold")
