"""The form of a race: what may be chosen, what was, and the race that is meant by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.model import Scenario
from exporter.web.racing import MOST_ROUNDS, MOST_SIDE_BY_SIDE, Entry
from probes.prompts import Named, Text, names
from traffic.roster import Roster

USUAL_ROUNDS = 3
LONGEST_PROMPT = 4000
"""Characters of a prompt of one's own."""
_AS_SCENARIO, _OWN, _PROMPT, _CONVERSATION = "scenario", "own", "prompt:", "conversation:"


class FormError(ValueError):
    """What was chosen is no race. The text says why, and what would be one."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that may be chosen: its value in the form, and how people read it."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Form:
    """What was chosen, made whole. `scenario` is one that there is; all of `targets` are of it."""

    scenario: str
    targets: tuple[str, ...]
    prompt: str
    text: str
    rounds: int
    all_targets: tuple[str, ...]
    own_prompts: bool

    @property
    def prompts(self) -> Sequence[Choice]:
        """What may be asked."""
        own = [Choice(_OWN, "your own, below")] if self.own_prompts else []
        sets = [Choice(f"{_PROMPT}{name}", f"prompts: {name}") for name in names()]
        return [
            Choice(_AS_SCENARIO, "as the scenario asks"),
            *own,
            *sets,
            *(Choice(f"{_CONVERSATION}{name}", f"conversation: {name}") for name in names()),
        ]


def read_form(told: Mapping[str, str], targets: Sequence[str], roster: Roster) -> Form:
    """What was chosen; what was left out is as usual. Raises `FormError` for what cannot be chosen."""
    scenarios = roster.config.scenarios
    if not scenarios:
        raise FormError("No scenario is configured; a race takes patience and length of answers from one.")
    scenario = told.get("scenario") or next(iter(scenarios))
    if scenario not in scenarios:
        raise FormError(f"There is no scenario of this name; there are {', '.join(scenarios)}.")
    covered = tuple(name for name in roster.members if scenarios[scenario].covers(name))
    chosen = tuple(name for name in covered if name in targets) or covered[:MOST_SIDE_BY_SIDE]
    own_prompts = roster.config.web.own_prompts
    form = Form(scenario, chosen, told.get("prompt") or _AS_SCENARIO, told.get("text", ""), _rounds(told.get("rounds", "")), covered, own_prompts)
    if form.prompt == _OWN and not own_prompts:
        raise FormError("Prompts of your own are off here; set web: {own_prompts: true} to have them.")
    if form.prompt not in {choice.value for choice in form.prompts}:
        raise FormError("There is no such prompt; choose one of the list.")
    if len(form.text) > LONGEST_PROMPT:
        raise FormError(f"The prompt is too long; write {LONGEST_PROMPT:,} characters at most.")
    return form


def entry_of(form: Form, roster: Roster) -> Entry:
    """The race that is meant. A prompt of one's own that is not written yet counts as the longest. Raises `FormError`."""
    if not form.targets:
        raise FormError("No target is for this scenario now; choose another scenario.")
    if len(form.targets) > MOST_SIDE_BY_SIDE:
        raise FormError(f"{len(form.targets)} targets are too many side by side; choose {MOST_SIDE_BY_SIDE} at most.")
    return Entry(form.scenario, _asking(form, roster.config.scenarios[form.scenario]), form.targets, form.rounds)


def is_unwritten(form: Form) -> bool:
    """Whether a prompt of one's own is chosen, and none is there."""
    return form.prompt == _OWN and not form.text.strip()


def _asking(form: Form, settings: Scenario) -> Scenario:
    """The scenario's chats, with what is to be asked."""
    if form.prompt == _AS_SCENARIO:
        return settings
    if form.prompt.startswith(_CONVERSATION):
        return settings.model_copy(update={"conversation": form.prompt.removeprefix(_CONVERSATION)})
    if form.prompt == _OWN:
        spec: Text | Named = Text("x" * LONGEST_PROMPT if is_unwritten(form) else form.text)
    else:
        spec = Named(form.prompt.removeprefix(_PROMPT))
    return settings.model_copy(update={"prompt": spec, "conversation": None})


def _rounds(written: str) -> int:
    if not written:
        return USUAL_ROUNDS
    if not (written.isascii() and written.isdecimal() and len(written) <= 2 and 1 <= int(written) <= MOST_ROUNDS):
        raise FormError(f"Rounds are 1 to {MOST_ROUNDS}.")
    return int(written)
