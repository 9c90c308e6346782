"""An engine's guard against models that repeat themselves: it ends their answers without a word."""

from __future__ import annotations

from dataclasses import dataclass

REMEDY = (
    "the model repeats itself, and nothing on the way cut its answer: another prompt, a higher penalty on repeating "
    "(of Ollama: repeat_penalty in its Modelfile), or another model"
)


@dataclass(frozen=True, slots=True)
class Repeats:
    """The engine `title` ends an answer, without its end being told, once more than `limit` pieces in a row were alike,
    white space around them aside.
    """

    title: str
    limit: int

    def cut(self, alike: int) -> str | None:
        """What to say of an answer that ended without its end after so many pieces alike; None if it was not this guard.

        The piece that is too many is not sent any more.
        """
        if alike < self.limit:
            return None
        return f"the answer ended without its end after {alike} pieces alike in a row: {self.title} cuts a model that repeats itself"
