"""The language of an answer, told by py3langid's statistics of letter sequences. Its model is loaded when it is first needed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from probes.ask import Reply
from probes.checks.printable import Printable

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

LANGUAGES = (
    *("ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt"),
    *("lv", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "sw", "ta", "te", "th", "tr", "uk", "ur", "vi", "zh"),
)
"""ISO 639 codes of the languages that are told apart. Small relatives of these are left out: they would only make them less sure."""

CONFIDENCE = 0.9
"""An answer is in another language if that one is at least so probable."""
LEAST_LETTERS = 20
"""A text with fewer letters says nothing of its language."""
LONGEST_TEXT = 5_000
"""Characters that are looked at: more would not make it surer."""

_NO_LANGUAGE = "zxx"
"""The model's label for what is in no language at all."""
_loading = threading.Lock()


@cache
def _model() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([*LANGUAGES, _NO_LANGUAGE])
    return model


def _most_probable(text: str) -> tuple[str, float]:
    """(code, probability) of the language that the text is most probably in."""
    with _loading:
        model = _model()
    language, probability = model.classify(text)
    return str(language), float(probability)


@dataclass(frozen=True, slots=True)
class Language:
    """The answer is printable text, and is not surely in another language than this one of `LANGUAGES`."""

    code: str

    def wrong(self, reply: Reply) -> str | None:
        unprintable = Printable().wrong(reply)
        if unprintable is not None:
            return unprintable
        text = reply.text[:LONGEST_TEXT]
        if sum(map(str.isalpha, text)) < LEAST_LETTERS:
            return None
        language, probability = _most_probable(text)
        if language == self.code or probability < CONFIDENCE:
            return None
        return f"is in no language, where {self.code} is expected" if language == _NO_LANGUAGE else f"is in {language}, where {self.code} is expected"
