"""Which alerts silence which others, so that one trouble is told once, by the alert that says what it is."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.recordings import JOB
from catalogue import own
from catalogue.metric import TARGET_LABELS

_TARGET, _, _MODEL = TARGET_LABELS
_SAME_MODEL = (JOB, _TARGET, _MODEL)
"""What two alerts share that are about the same model of the same engine."""
_SAME_SLO = (*_SAME_MODEL, own.SLO)

_SYMPTOMS = (
    "LLMBudgetBurnTicket",
    "LLMStreamStalled",
    "LLMFirstTokenButNoCompletion",
    "LLMProbesSkipped",
    "LLMQueueGrowing",
    "LLMKVCacheNearFull",
    "LLMPreemptions",
    "LLMModelNotLoaded",
    "LLMEngineSlowerThanPeer",
    "LLMTTFTRegression",
    "LLMClientServerGap",
    "LLMBucketSaturation",
    "LLMPairWinsTurned",
)
"""What follows of itself where an engine, or its model, is not there. A spent budget stays a fact, and an expired certificate may be the cause.

Pages on budgets are not among them: Alertmanager does not tell the end of an alert that was silenced while it fired, and an incident would stay open.
Their rules end by themselves while the engine is down.
"""


_WHERE_GATHERED = (
    "LLMStreamStalled",
    "LLMEngineSlowerThanPeer",
    "LLMTTFTRegression",
    "LLMClientServerGap",
    "LLMPairWinsTurned",
)
"""What follows of itself where something on the way gathers tokens: the first comes late, and silences lie between them. It is not the engine's."""


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While the alert `source` fires, the alerts `targets` are not told, where the labels `equal` are the same.

    To Alertmanager a label that both lack is the same too. So `present`, where there is one, must be on both: an alert about no target in particular
    silences nothing, and is not silenced.
    """

    source: str
    targets: tuple[str, ...]
    equal: tuple[str, ...]
    present: str | None = None


INHIBITIONS = (
    Inhibition("LLMProberDown", ("LLMSLOAbsent",), (JOB, "instance")),
    Inhibition("LLMModelMissing", ("LLMTargetDown", *_SYMPTOMS), _SAME_MODEL, _TARGET),
    Inhibition("LLMModelLoadFailed", ("LLMTargetDown", *_SYMPTOMS), _SAME_MODEL, _TARGET),
    Inhibition("LLMTargetDown", _SYMPTOMS, _SAME_MODEL, _TARGET),
    Inhibition("LLMStreamGathered", _WHERE_GATHERED, _SAME_MODEL, _TARGET),
    Inhibition("LLMBudgetBurnFast", ("LLMBudgetBurnTicket", "LLMErrorBudgetExhausted"), _SAME_SLO, own.SLO),
    Inhibition("LLMBudgetBurnSlow", ("LLMBudgetBurnTicket",), _SAME_SLO, own.SLO),
    Inhibition("LLMCertificateExpiresSoon", ("LLMCertificateExpiry",), _SAME_MODEL, _TARGET),
)
"""No alert silences itself, and none silences one that silences it."""

_OF_CHATPROBE = "chatprobe itself is in trouble, which no engine's trouble explains"
NO_SYMPTOMS = {
    "LLMModelMissing": "it is the cause that it names",
    "LLMModelLoadFailed": "it is the cause that it names",
    "LLMProbeLoadsModel": "it is the cause that it names",
    "LLMStreamGathered": "it is the cause that it names",
    "LLMBudgetBurnFast": "a page whose end must be told; its rule leaves out what LLMTargetDown has told of",
    "LLMBudgetBurnSlow": "a page whose end must be told; its rule leaves out what LLMTargetDown and LLMBudgetBurnFast have told of",
    "LLMCertificateExpiresSoon": "a certificate that has ended may be why the target is down",
    "LLMProberDown": _OF_CHATPROBE,
    "LLMShardUnwatched": _OF_CHATPROBE,
    "LLMProberStale": _OF_CHATPROBE,
    "LLMConfigReloadFailed": _OF_CHATPROBE,
    "LLMDiscoveryFailing": _OF_CHATPROBE,
    "LLMNativeSeriesDropped": _OF_CHATPROBE,
    "LLMClockFallback": _OF_CHATPROBE,
}
"""Alerts that nothing silences, each with why: every other one is a target of some inhibition."""
