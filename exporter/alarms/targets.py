"""What the alerts of `alerts.targets` look at."""

from __future__ import annotations

from alerts.rule import Share
from alerts.targets import (
    ALERTS,
    BROKEN_OFF,
    FEWEST_LOADS,
    GATHERED,
    LOAD_FAILED_SECONDS,
    LOADS_SECONDS,
    MISSING,
    NOT_LOADED_SECONDS,
    STALL_SECONDS,
    STALLED,
)
from catalogue import own
from catalogue.metric import TARGET_LABELS
from exporter.alarms.condition import Condition, Found, Known, too_large
from exporter.alarms.samples import Labels
from exporter.wording import count, span, whole

_CHATS = own.CHAT_LABELS
_NOT_LOADED, _LOADS = ("model_not_loaded",), ("loads_model",)
WHY_SKIPPED = (*_NOT_LOADED, *_LOADS)
"""Why chats are not sent, of all the reasons that there are, as alerts look at it."""


def _model_missing(known: Known) -> Found:
    missing = known.samples.increase(own.PROBE_FAILURES, MISSING.window_seconds, TARGET_LABELS, reason=("model_missing",))
    failed = known.samples.increase(own.PROBE_FAILURES, MISSING.window_seconds, TARGET_LABELS)
    for labels, chats in missing.items():
        if chats > 0 and too_large(MISSING, chats, failed[labels]) and known.fails(labels[0]):
            yield labels, f"{whole(chats)} of {count(round(failed[labels]), 'failure')} in {span(MISSING.window_seconds)}: it has no such model."


def _model_load_failed(known: Known) -> Found:
    loaded = known.samples.now(own.MODEL_LOADED, TARGET_LABELS)
    for labels, failed in known.samples.increase(own.MODEL_LOAD_FAILURES, LOAD_FAILED_SECONDS, TARGET_LABELS).items():
        if failed > 0 and max(loaded.get(labels, (1,))) == 0:
            yield labels, f"{count(round(failed), 'load')} of the model failed in {span(LOAD_FAILED_SECONDS)}."


def _model_not_loaded(known: Known) -> Found:
    loaded = known.samples.now(own.MODEL_LOADED, TARGET_LABELS)
    told = known.samples.now(own.PROBE_SKIPPED, TARGET_LABELS, reason=_NOT_LOADED)
    for labels, skipped in known.samples.increase(own.PROBE_SKIPPED, NOT_LOADED_SECONDS, _CHATS, reason=_NOT_LOADED).items():
        target, scenario = labels[:-1], labels[-1]
        if skipped > 0 and target in told and max(loaded.get(target, (0,))) != 1:
            chats = count(round(skipped), "chat")
            yield labels, f"{scenario}: {chats} not sent in {span(NOT_LOADED_SECONDS)}, as nobody says that the model is in memory."


def _loads_model(known: Known) -> Found:
    held_back = known.samples.increase(own.PROBE_SKIPPED, LOADS_SECONDS, _CHATS, reason=_LOADS)
    for labels, loads in known.samples.increase(own.UNWANTED_LOADS, LOADS_SECONDS, _CHATS).items():
        if loads >= FEWEST_LOADS or held_back.get(labels, 0) > 0:
            chats, times = count(round(held_back.get(labels, 0)), "chat"), count(round(loads), "time")
            what = f"the model was loaded anew {times}" if loads >= FEWEST_LOADS else f"{chats} held back, as one had the model loaded anew"
            yield labels, f"{labels[-1]}: {what} in {span(LOADS_SECONDS)}."


def _stalled(known: Known) -> Found:
    held = known.samples.increase(own.STALL, STALLED.window_seconds, _CHATS)
    for labels, soon in known.samples.increase(own.STALL, STALLED.window_seconds, _CHATS, within=STALL_SECONDS).items():
        silent = held[labels] - soon
        if too_large(STALLED, silent, held[labels]):
            yield labels, f"{_of(STALLED, silent, held[labels], labels)} fell silent for more than {span(STALL_SECONDS)}."


def _gathered(known: Known) -> Found:
    chats = known.samples.increase(own.PROBES, GATHERED.window_seconds, _CHATS)
    gathered = known.samples.increase(own.GATHERED, GATHERED.window_seconds, _CHATS)
    for labels in gathered.keys() & chats.keys():
        if too_large(GATHERED, gathered[labels], chats[labels]):
            yield labels, f"{_of(GATHERED, gathered[labels], chats[labels], labels)} had their tokens several at once, and then none for a while."


def _no_completion(known: Known) -> Found:
    seconds = BROKEN_OFF.window_seconds
    ended = known.samples.increase(own.E2E, seconds, _CHATS, outcome=("ok",))
    wrong = known.samples.increase(own.PROBE_FAILURES, seconds, _CHATS, reason=("validation",))
    begun = known.samples.increase(own.PHASE_SECONDS, seconds, _CHATS, phase=("wait",))
    for labels in begun.keys() & ended.keys() & wrong.keys():
        broken_off = begun[labels] - ended[labels] - wrong[labels]
        if too_large(BROKEN_OFF, broken_off, begun[labels]):
            yield labels, f"{_of(BROKEN_OFF, broken_off, begun[labels], labels)} began to answer and did not come to the end."


def _of(share: Share, part: float, chats: float, labels: Labels) -> str:
    return f"{labels[-1]}: {whole(part)} of {count(round(chats), 'chat')} in {span(share.window_seconds)}"


_BY_NAME = {alert.name: alert for alert in ALERTS}
CONDITIONS = (
    Condition(_BY_NAME["LLMModelMissing"], TARGET_LABELS, _model_missing, ends=True),
    Condition(_BY_NAME["LLMModelLoadFailed"], TARGET_LABELS, _model_load_failed),
    Condition(_BY_NAME["LLMModelNotLoaded"], _CHATS, _model_not_loaded),
    Condition(_BY_NAME["LLMProbeLoadsModel"], _CHATS, _loads_model),
    Condition(_BY_NAME["LLMStreamStalled"], _CHATS, _stalled),
    Condition(_BY_NAME["LLMStreamGathered"], _CHATS, _gathered),
    Condition(_BY_NAME["LLMFirstTokenButNoCompletion"], _CHATS, _no_completion),
)
