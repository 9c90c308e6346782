"""Why a chat that was due was not sent, why a pair has no winner, and why a model was not loaded: closed lists."""

from __future__ import annotations

from collections.abc import Mapping

from catalogue.troubles.trouble import Cause, Trouble
from probes.load import LoadFailure
from traffic.events import SkipReason
from traffic.pairs import Undecided

_OF_SKIPS = (
    Trouble(
        SkipReason.BREAKER,
        "the target failed 5 chats in a row; until it serves one, each scenario sends one at a time, at most each 10 s. Counts against its SLOs",
        "`chatprobe_breaker_open` is 1; chats come each 10 s, and fail",
        (
            Cause("the engine is down, or hangs", "look at the reason of the chats that fail: that is the trouble"),
            Cause("it is back", "nothing: the first chat that is served closes the breaker within some 10 s"),
        ),
    ),
    Trouble(
        SkipReason.TARGET_BUSY,
        "as many chats as `limits.streams_per_target` allows were under way with this target. Counts against its SLOs",
        "`chatprobe_exporter_streams_in_flight` stands at the bound; chats end late or by a timeout",
        (
            Cause(
                "the engine hangs, and its chats stay open until their timeout", "see why no tokens come: TTFT, requests that wait, the engine's log"
            ),
            Cause("the scenarios hold more chats at once than that", "`chatprobe check FILE` warns of it: raise `limits.streams_per_target`"),
        ),
    ),
    Trouble(
        SkipReason.GLOBAL_CAP,
        "as many chats as `limits.streams` allows were under way with all targets. Counts neither way",
        "`chatprobe_exporter_streams_in_flight` stands at `limits.streams`",
        (
            Cause("one target hangs, and takes all of them", "a lower `limits.streams_per_target`"),
            Cause("the scenarios hold more chats at once than that", "`chatprobe check FILE` warns of it: raise `limits.streams`, or ask for less"),
        ),
    ),
    Trouble(
        SkipReason.TOKEN_BUDGET,
        "the chat might have cost more than what is left of `limits.tokens_per_hour`. Counts neither way",
        "it begins some time after the start, and comes and goes with the hour",
        (
            Cause("the scenarios ask for more than the budget", "raise it, or lower `max_tokens`, `rate` or `users`"),
            Cause("more targets were discovered: the budget holds for all together", "the same"),
            Cause("it is meant so", "silence the alert by `scenario` and `reason`"),
        ),
    ),
    Trouble(
        SkipReason.LOAD_SHARE,
        "others use the engine, and chatprobe's share of its work was above `limits.load_share`. Counts neither way",
        "scenarios with `yields: true` are thinned while users are there; others are not",
        (Cause("it is meant so: probes make room for users", "nothing; a larger `limits.load_share` if too little is measured"),),
    ),
    Trouble(
        SkipReason.MODEL_NOT_LOADED,
        "the engine would have to load the model, or does not tell whether it would, and nobody allowed that. Counts neither way",
        "`chatprobe_model_loaded` is 0 or absent",
        (
            Cause("nobody used the model for its keep-alive, 5 minutes by default", "`OLLAMA_KEEP_ALIVE=-1`, or `targets.NAME.load_model: true`"),
            Cause("another model needed the memory", "more memory, or fewer models for one GPU"),
            Cause("the name has another tag than the one that is loaded", "write the tag in `targets.NAME.model`"),
            Cause("a gateway keeps `/api/ps` from chatprobe; the log says so", "let it through: it loads nothing"),
        ),
    ),
    Trouble(
        SkipReason.LOADS_MODEL,
        "chats before this one had the engine load the model although it was in memory, and nobody allowed that. Counts neither way",
        "a `load` phase in chats though `chatprobe_model_loaded` is 1; the log says so once",
        (
            Cause("users chat with other load options than chatprobe", "set them in the model itself, or in the target's `extra_body`"),
            Cause("Ollama does not tell its context (before 0.11)", "a newer Ollama, or `OLLAMA_CONTEXT_LENGTH` as users have it"),
            Cause("loads are all right", "`targets.NAME.load_model: true`"),
        ),
    ),
    Trouble(
        SkipReason.LOADING,
        "the engine loads the model, which `load_model` allows, and another chat of the scenario waits for that already. Counts neither way",
        "`chatprobe_model_loading` is 1",
        (Cause("a load takes its time", "nothing; if it is often so, keep the model in memory: `OLLAMA_KEEP_ALIVE=-1`"),),
    ),
    Trouble(
        SkipReason.LOAD_FAILED,
        "the engine could not load the model a short while ago, and it is too soon to try again. Counts against its SLOs",
        "`chatprobe_model_load_failures_total` grows; the log has the engine's words",
        (Cause("what kept the model from being loaded", "`chatprobe explain model_load` has the causes"),),
    ),
    Trouble(
        SkipReason.INACTIVE,
        "the scenario's calendar (`active`) has it rest at that time. Counts neither way",
        "it begins and ends by the clock",
        (
            Cause("it is meant so", "nothing"),
            Cause(
                "the calendar has another time zone than you think",
                "`chatprobe check --print` shows it; write its name behind the hours, like `Europe/Berlin`",
            ),
        ),
    ),
    Trouble(
        SkipReason.MISSED,
        "chatprobe itself was held up until the next chat of the same scenario was due. Counts neither way",
        "`chatprobe_exporter_schedule_lag_seconds` goes into seconds",
        (
            Cause("too little CPU", "more; look for throttling by a CPU limit of its pod"),
            Cause("the machine was suspended, or its clock stood", "nothing"),
        ),
    ),
)

_OF_PAIRS = (
    Trouble(
        Undecided.GATHERED,
        "something on the way gathered the tokens of one side, so that its timings say nothing of the engine",
        "`chatprobe probe URL` says that tokens come in bursts",
        (
            Cause("HAProxy or a Route without TLS", "`option http-no-delay`, or TLS there"),
            Cause("nginx, a CDN or a gateway buffers or compresses", "`proxy_buffering off`; no compression of streams"),
        ),
    ),
    Trouble(
        Undecided.LOAD,
        "one side waited for its model to be loaded",
        "a `load` phase in its chat",
        (Cause("the model had left the memory", "keep it there: `OLLAMA_KEEP_ALIVE=-1`"),),
    ),
    Trouble(
        Undecided.INPUT_TOKENS,
        "the engines counted so different numbers of prompt tokens that it was not the same prompt",
        "the log has both counts",
        (
            Cause("one engine cut the prompt, or has another chat template", "compare both counts with the prompt; a shorter one"),
            Cause("the models are not the same, though their names are", "name what each engine really serves in `model`"),
        ),
    ),
)

_OF_LOADS = (
    Trouble(
        LoadFailure.TIMEOUT,
        "a load took longer than `load_timeout` and was given up, which throws it away",
        "the log says after how long",
        (
            Cause("the model is large, or its disk or network slow", "a longer `targets.NAME.load_timeout`"),
            Cause("others' loads go first", "fewer models for one GPU; `OLLAMA_MAX_LOADED_MODELS`"),
        ),
    ),
    Trouble(
        LoadFailure.REFUSED,
        "the engine answered that it could not load the model, or did not want to",
        "the log has its words",
        (
            Cause(
                "not enough memory: `unable to allocate`, `requires more system memory`", "stop what else uses the GPU; a smaller model or `num_ctx`"
            ),
            Cause("the file is broken, or too new: `unable to load model`", "`ollama pull MODEL`, or a newer Ollama"),
            Cause("`timed out waiting for llama-server to start`", "`OLLAMA_LOAD_TIMEOUT`; look at the disk"),
        ),
    ),
    Trouble(
        LoadFailure.UNREACHABLE,
        "the connection for a load could not be made, or ended before its answer",
        "it ends after the same time each time, where a proxy does it",
        (
            Cause("a proxy's timeout is shorter than the load", "a longer one"),
            Cause("the engine died while it loaded", "its log: out of memory"),
        ),
    ),
)

SKIPS: Mapping[SkipReason, Trouble] = {SkipReason(trouble.name): trouble for trouble in _OF_SKIPS}
"""All reasons of chats that were not sent, in the order of `SkipReason`."""
UNDECIDED: Mapping[Undecided, Trouble] = {Undecided(trouble.name): trouble for trouble in _OF_PAIRS}
"""All reasons of pairs without a winner although both sides succeeded."""
LOAD_FAILURES: Mapping[LoadFailure, Trouble] = {LoadFailure(trouble.name): trouble for trouble in _OF_LOADS}
"""All reasons of loads that failed."""
