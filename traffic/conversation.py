"""What the chats of a scenario say, turn by turn: prompts that stand alone, or conversations with their history."""

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
from probes.prompts.fewest import fewest_tokens

LONGEST_ANSWER = 32 * 1024
"""Characters of an answer that the history keeps. An engine that does not end by itself would else make every later
turn larger, up to its context and beyond, and the waiting conversations would take as much memory as it likes to
send."""

MOST_WAITING = 1_000
"""Conversations that wait for their next turn. Of more, the one that has waited longest is given up."""


class Turn:
    """One thing to say, with the same history before it to every target of the watch.

    `prompt_id` is the prompt's, or `customer-support/conversation/2` for a conversation's second turn. `nonce` is None
    for warm chats. `input_tokens` estimates what is sent to one target, and `fewest_tokens` is how few of it an engine
    can count that has it whole. `max_tokens` is how long its answer may be, where that is not the scenario's own.
    """

    def __init__(
        self,
        prompt_id: str,
        nonce: str | None,
        input_tokens: int,
        messages: tuple[Message, ...],
        fewest_tokens: int = 0,
        max_tokens: int | None = None,
    ) -> None:
        self.prompt_id = prompt_id
        self.nonce = nonce
        self.input_tokens = input_tokens
        self.fewest_tokens = fewest_tokens
        self.max_tokens = max_tokens
        self._messages = messages
        self._asked: set[str] = set()
        self._answers: dict[str, str] = {}

    @property
    def says(self) -> str:
        """What the user says in it, without what was said before."""
        return self._messages[-1].content

    def messages(self, target: str) -> tuple[Message, ...]:
        """All that is to be sent to this target. The target counts as asked from now on."""
        self._asked.add(target)
        return self._messages

    def answered(self, target: str, text: str) -> None:
        """The chat with this target went well, and this is the text of its answer."""
        self._answers[target] = text[:LONGEST_ANSWER]

    @property
    def asked(self) -> bool:
        """Whether any target was asked."""
        return bool(self._asked)

    @property
    def answers(self) -> Mapping[str, str]:
        """The answers by target, if all that were asked gave one in words; else none."""
        return self._answers if all(self._answers.get(target) for target in self._asked) else {}


class Script(Protocol):
    """Gives out turns.

    A schedule of arrivals calls `next`, and `done` for each turn later. Users call `following` alone.
    """

    def next(self) -> Turn:
        """The next turn of the conversation that has waited longest, or the first turn of a new one."""
        ...

    def done(self, turn: Turn) -> None:
        """No chat of this turn is under way any more: its conversation may go on."""
        ...

    def following(self, turn: Turn | None) -> Turn:
        """What a user says after this turn, of which no chat is under way any more. `turn` is None at first.

        It is the conversation's next turn, or the first of a new conversation.
        """
        ...

    def learn(self, turn: Turn, input_tokens: int) -> None:
        """Take an engine's count of the tokens of a turn that it had whole: it corrects the length of synthetic prompts."""
        ...


def script(scenario: Scenario) -> Script:
    """What a scenario says to the targets of a watch: the same to all of them."""
    if scenario.conversation is not None:
        return Conversations(scenario.conversation, scenario.cache)
    return Prompts(scenario.prompt, scenario.cache, scenario.seed)


class Prompts:
    """Turns that stand alone: each is a prompt without a history."""

    def __init__(self, spec: PromptSpec, cache: Cache, seed: int) -> None:
        self._spec = spec
        self._prompter = Prompter(spec, cache=cache, seed=seed)

    def next(self) -> Turn:
        prompt = self._prompter.next()
        tokens = self._spec.input_tokens if isinstance(self._spec, Synthetic) else _estimate(prompt.messages)
        return Turn(prompt.prompt_id, prompt.nonce, tokens, prompt.messages, prompt.fewest_tokens)

    def done(self, turn: Turn) -> None:
        """Nothing follows from a turn."""

    def following(self, turn: Turn | None) -> Turn:
        return self.next()

    def learn(self, turn: Turn, input_tokens: int) -> None:
        self._prompter.learn(input_tokens)


class Conversations:
    """The conversation of a prompt set, held again and again, by as many at once as there are chats under way.

    A conversation goes on when all targets that were asked have answered. It is given up when one of them has not.
    Chance chooses, each time, which of several answers it goes on with: so all targets read the same, and none has more
    of its own words in its prefix cache than the others. A turn that went to no target, because nothing could be sent
    at the moment, is said again.

    All turns of a cold conversation have one nonce of its own: as with a real user, the later turns find the
    conversation's own beginning in the engine's prefix cache, and nothing else.
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

    def learn(self, turn: Turn, input_tokens: int) -> None:
        """Does nothing: the length of these turns is fixed."""

    def _begin(self) -> _Conversation:
        nonce = secrets.token_hex(8) if self._cache == "cold" else None
        return _Conversation(nonce, 0, ())

    def _turn(self, conversation: _Conversation) -> Turn:
        says = Message("user", self._says[conversation.turns])
        messages = (*conversation.history, says)
        prompt_id = f"{self._name}/conversation/{conversation.turns + 1}"
        turn = Turn(prompt_id, conversation.nonce, _estimate(messages), messages, fewest_tokens(messages))
        self._under_way[turn] = conversation
        return turn

    def _after(self, turn: Turn) -> _Conversation | None:
        """The conversation as it stands after a turn. None if it is over, or given up."""
        conversation = self._under_way.pop(turn)
        if not turn.asked:
            return conversation
        if not turn.answers or conversation.turns + 1 == len(self._says):
            return None
        answer = self._chance.choice(list(turn.answers.values()))
        return conversation.after(self._says[conversation.turns], answer)


@dataclass(frozen=True, slots=True)
class _Conversation:
    """A conversation after so many turns, and what was said in them."""

    nonce: str | None
    turns: int
    history: tuple[Message, ...]

    def after(self, said: str, answer: str) -> _Conversation:
        """The conversation one turn on."""
        return _Conversation(self.nonce, self.turns + 1, (*self.history, Message("user", said), Message("assistant", answer)))


def _estimate(messages: Sequence[Message]) -> int:
    """About how many tokens these are."""
    return math.ceil(sum(len(message.content) for message in messages) / CHARACTERS_PER_TOKEN)
