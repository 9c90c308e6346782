"""What the chats of a scenario say, turn by turn: prompts that stand alone, or conversations that carry their history."""

from __future__ import annotations

import math
import random
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from config.demand import CHARACTERS_PER_TOKEN
from config.model import Scenario
from probes.ask import Cache, Message
from probes.prompts import Prompter, PromptSpec, Synthetic, sets

LONGEST_ANSWER = 32 * 1024
"""Characters of an answer that the history keeps. An engine that does not end by itself would otherwise make every later turn of the conversation
larger, up to its context and beyond, and what is waiting here would take as much memory as the engine likes to send."""

MOST_WAITING = 1_000
"""Conversations that wait for their next turn; of more, the one that has waited longest is given up."""


class Turn:
    """One thing to say, with the same history before it to every target of the watch.

    `prompt_id` is the prompt's, or `customer-support/conversation/2` for a conversation's second turn. `nonce` is None for warm chats.
    `input_tokens` estimates what is sent to one target.
    """

    def __init__(self, prompt_id: str, nonce: str | None, input_tokens: int, messages: tuple[Message, ...]) -> None:
        self.prompt_id = prompt_id
        self.nonce = nonce
        self.input_tokens = input_tokens
        self._messages = messages
        self._asked: set[str] = set()
        self._answers: dict[str, str] = {}

    def messages(self, target: str) -> tuple[Message, ...]:
        """All that is to be sent to this target, which has been asked from now on."""
        self._asked.add(target)
        return self._messages

    def answered(self, target: str, text: str) -> None:
        """The chat with this target went well, and this is its answer's text."""
        self._answers[target] = text[:LONGEST_ANSWER]

    @property
    def asked(self) -> bool:
        """Whether any target was."""
        return bool(self._asked)

    @property
    def answers(self) -> Mapping[str, str]:
        """Each answer of a target, if all that were asked gave one, and in words; else none."""
        return self._answers if all(self._answers.get(target) for target in self._asked) else {}


class Script(Protocol):
    """Gives out turns, either to arrivals, which call `next` and later `done` for each, or to users, who call `following` alone."""

    def next(self) -> Turn:
        """The next turn of the conversation that has waited longest, or the first of a new one."""
        ...

    def done(self, turn: Turn) -> None:
        """No chat of a turn that `next` gave out is under way any more: its conversation may go on."""
        ...

    def following(self, turn: Turn | None) -> Turn:
        """What a user says after this turn (None: at first), of which no chat is under way any more: the next one, or a new conversation's first."""
        ...

    def learn(self, input_tokens: int) -> None:
        """Take an engine's count of a turn's tokens: it corrects the length of synthetic prompts."""
        ...


def script(scenario: Scenario) -> Script:
    """What the scenario says to the targets of a watch, to all of them the same."""
    if scenario.conversation is not None:
        return Conversations(scenario.conversation, scenario.cache)
    return Prompts(scenario.prompt, scenario.cache, scenario.seed)


class Prompts:
    """Turns that stand alone: nothing follows from one for another."""

    def __init__(self, spec: PromptSpec, cache: Cache, seed: int) -> None:
        self._spec = spec
        self._prompter = Prompter(spec, cache=cache, seed=seed)

    def next(self) -> Turn:
        prompt = self._prompter.next()
        tokens = self._spec.input_tokens if isinstance(self._spec, Synthetic) else _estimate(prompt.messages)
        return Turn(prompt.prompt_id, prompt.nonce, tokens, prompt.messages)

    def done(self, turn: Turn) -> None:
        """Nothing comes of it."""

    def following(self, turn: Turn | None) -> Turn:
        return self.next()

    def learn(self, input_tokens: int) -> None:
        self._prompter.learn(input_tokens)


class Conversations:
    """The conversation of a prompt set, held again and again, by as many at once as there are chats under way.

    One goes on when all targets that were asked have answered, and is given up when one of them has not. Which of several answers it goes on with
    is left to chance each time: all targets read the same then, and none has more of its own words in its prefix cache than the others. A turn that
    went to none, because nothing may be sent at the moment, is said again. A cold conversation has a nonce of its own, the same for all its turns:
    like a real user's, its later turns find its own beginning in the engine's prefix cache, and nothing else.
    """

    def __init__(self, name: str, cache: Cache) -> None:
        """Raises `ValueError` for a set that does not exist."""
        self._name = name
        self._says = sets.load(name).conversation
        self._cache = cache
        self._chance = random.Random()
        self._waiting: deque[_Conversation] = deque(maxlen=MOST_WAITING)
        self._under_way: dict[Turn, _Conversation] = {}

    def next(self) -> Turn:
        return self._turn(self._waiting.popleft() if self._waiting else self._begin())

    def done(self, turn: Turn) -> None:
        conversation = self._after(turn)
        if conversation is not None:
            self._waiting.append(conversation)

    def following(self, turn: Turn | None) -> Turn:
        conversation = None if turn is None else self._after(turn)
        return self._turn(self._begin() if conversation is None else conversation)

    def learn(self, input_tokens: int) -> None:
        """Nothing: the turns are what they are."""

    def _begin(self) -> _Conversation:
        nonce = secrets.token_hex(8) if self._cache == "cold" else None
        return _Conversation(nonce, 0, ())

    def _turn(self, conversation: _Conversation) -> Turn:
        says = Message("user", self._says[conversation.turns])
        messages = (*conversation.history, says)
        prompt_id = f"{self._name}/conversation/{conversation.turns + 1}"
        turn = Turn(prompt_id, conversation.nonce, _estimate(messages), messages)
        self._under_way[turn] = conversation
        return turn

    def _after(self, turn: Turn) -> _Conversation | None:
        """The conversation as it stands after a turn; None if it is over, or given up."""
        conversation = self._under_way.pop(turn)
        if not turn.asked:
            return conversation
        if not turn.answers or conversation.turns + 1 == len(self._says):
            return None
        answer = self._chance.choice(list(turn.answers.values()))
        return conversation.after(self._says[conversation.turns], answer)


@dataclass(frozen=True, slots=True)
class _Conversation:
    """So many turns of a conversation, and what was said in them."""

    nonce: str | None
    turns: int
    history: tuple[Message, ...]

    def after(self, said: str, answer: str) -> _Conversation:
        """One turn on."""
        return _Conversation(self.nonce, self.turns + 1, (*self.history, Message("user", said), Message("assistant", answer)))


def _estimate(messages: Sequence[Message]) -> int:
    """About how many tokens these are."""
    return math.ceil(sum(len(message.content) for message in messages) / CHARACTERS_PER_TOKEN)
