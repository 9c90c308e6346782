"""Why an answer ended, in the engines' own words, and which of these words are an end of an answer."""

from __future__ import annotations

import re

from probes.backends.base import Refusal
from probes.backends.fields import LONGEST_NAME
from probes.backends.refusal import said_by
from probes.failure import Reason
from probes.wording import shortened

_NONE = frozenset({"", "null", "none", "notfinished", "unspecified"})
"""What stands where an answer has not ended yet, beside nothing at all."""
_GOOD = frozenset(
    {
        *("stop", "stopped", "stopsequence", "stopword", "stopwords", "stoptoken", "stopstr", "stopstring", "stopstringfound"),
        *("eos", "eosid", "eostoken", "eosfound", "endid", "endturn", "endoftext", "endofsequence", "pauseturn"),
        *("complete", "completed", "done", "end", "normal", "finish", "finished", "stopcriteriamet"),
        *("length", "maxtokens", "maxtoken", "maximumtokens", "maxlength", "maxnewtokens", "maxoutputtokens", "tokenlimit", "modellength"),
        *("limit", "maxpredictedtokensreached"),
        *("contextlength", "contextwindow", "modelcontextwindowexceeded", "contextlengthreached", "repetition"),
        *("toolcalls", "toolcall", "tooluse", "functioncall"),
        # a policy of the service ended the answer, as it is there to do
        *("sensitive", "safety", "refusal", "guardrailintervened", "recitation", "prohibitedcontent", "spii"),
        *("blocklist", "blacklist", "errortoxic", "language", "modelarmor", "escalation"),
        # Ollama, of a chat without a prompt
        *("load", "unload"),
    }
)
"""Finish reasons of an answer that its engine ended, without letter case and punctuation.

OpenAI, vLLM, SGLang, TGI, TensorRT-LLM (`end_id`, `stop_words`), llama.cpp, LM Studio, Mistral (`model_length`),
Anthropic (`end_turn`), Cohere (`COMPLETE`, `ERROR_TOXIC`), Google (`STOP`, `SPII`, `MODEL_ARMOR`), Amazon Titan (`FINISH`), Zhipu (`sensitive`),
GigaChat (`blacklist`). Every other one is a failure: what engines call it when an answer breaks off has no end.
"""
_FILTERED = "contentfilter"
"""How a good one may begin, with what was filtered behind it: `content_filter: RECITATION` (Google)."""
_HEAD = re.compile(r"^(finish)?reason(?=.)")
"""What enumerations have in front: `FINISH_REASON_STOP`."""


def finish(word: object) -> str | None:
    """The finish reason in a field, or in the `type` of an object there (SGLang); None for a frame that ends nothing."""
    if isinstance(word, dict):
        word = word.get("type")
    return shortened(word, LONGEST_NAME) if isinstance(word, str) and _plain(word) not in _NONE else None


def broken_off(reason: str | None) -> Refusal | None:
    """Why an answer is none though it ended, by its finish reason; None for one that ended well, or has not ended."""
    if reason is None or _plain(reason) in _GOOD or _plain(reason).startswith(_FILTERED):
        return None
    return Refusal(Reason.OVERLOADED if said_by(reason) is Reason.OVERLOADED else Reason.ERROR_IN_STREAM, f"finish_reason {reason}")


def _plain(word: str) -> str:
    return _HEAD.sub("", "".join(filter(str.isalnum, word[:LONGEST_NAME].lower())))
