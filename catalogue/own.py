"""Every metric of chatprobe's own, with its labels, help and buckets.

The numbers that all engines have under one name are in `unified`. The engines' own metrics, which are relayed, are in
`engines`. What others tell of the engines' pods is in `pods`.
"""

from __future__ import annotations

from catalogue import buckets, unified
from catalogue.metric import REPLICA, TARGET, TARGET_LABELS, Metric
from probes import backends, record
from probes.failure import Reason
from probes.load import LoadFailure
from traffic.events import SkipReason
from traffic.pairs import Measure, Undecided

SCENARIO = "scenario"
REASON, OUTCOME, PHASE, SLO, CLOCK, SOURCE = "reason", "outcome", "phase", "slo", "clock", "source"
DETAIL = "detail"
URL, SERVED_MODEL, IGNORED_MODEL, BACKEND_VERSION = "url", "served_model", "ignored_model", "backend_version"
MAX_MODEL_LEN, LEFT_OUT = "max_model_len", "left_out"
PEER, MEASURE, CHECK, BASIS = "peer", "measure", "check", "basis"
CACHE, CONNECTION, THINKING = "cache", "connection", "thinking"
ZONE = "zone"
SHARD, WORKER, VERSION, PYTHON_VERSION = "shard", "worker", "version", "python_version"

CHAT_LABELS = (*TARGET_LABELS, SCENARIO)

FAILURE_REASONS = tuple(reason.value for reason in Reason)
LOAD_FAILURES = tuple(cause.value for cause in LoadFailure)
SKIP_REASONS = tuple(reason.value for reason in SkipReason)
PHASES = record.PHASES
ENGINE_PHASES = ("prefill", "decode")
OUTCOMES = ("ok", "failed")
REQUEST_OUTCOMES = (*OUTCOMES, "skipped", "refused")
"""Of chats that count; a cancelled one counts nowhere."""
MEASURES = tuple(measure.value for measure in Measure)
"""On which the chats of a pair are compared."""
UNDECIDED = tuple(why.value for why in Undecided)
BASES = ("request", "window")
"""How an engine's own time to first token is known: told with the chat, or from its sums."""
UNUSED_BUCKET = "unused_bucket"
"""The reason for which series of an engine are left out because that was asked for: nobody has to do anything."""

PROBES = Metric("chatprobe_probes_total", "counter", "Chats that ended, well or not.", CHAT_LABELS)
PROBE_FAILURES = Metric("chatprobe_probe_failures_total", "counter", "Chats that failed, by the first cause.", (*CHAT_LABELS, REASON))
PROBE_SKIPPED = Metric("chatprobe_probe_skipped_total", "counter", "Chats that were due and were not sent.", (*CHAT_LABELS, REASON))
PROBE_SUCCESS = Metric(
    "chatprobe_probe_success", "gauge", "Whether the last chat succeeded; one that failed by chatprobe's own fault changes nothing.", CHAT_LABELS
)
LAST_PROBE = Metric("chatprobe_last_probe_timestamp_seconds", "gauge", "When the last chat ended, in seconds since the epoch.", CHAT_LABELS)
LAST_SUCCESS = Metric(
    "chatprobe_last_success_timestamp_seconds", "gauge", "When the last chat that succeeded ended, in seconds since the epoch.", CHAT_LABELS
)
LAST_FAILURE = Metric(
    "chatprobe_last_failure_timestamp_seconds",
    "gauge",
    "When the last chat that failed ended, in seconds since the epoch, with what was said of it: the engine's own words where it had some. "
    "Numbers of requests and the like are left out of the words, which change once a minute at most.",
    (*CHAT_LABELS, REASON, DETAIL),
)

TTFT = Metric(
    "chatprobe_ttft_seconds",
    "histogram",
    "Time to first token, from the request's first byte to the first chunk with tokens, whatever became of the chat. "
    "A chat that timed out without a token counts with the time it had waited.",
    CHAT_LABELS,
    buckets.FIRST_TOKEN,
)
FIRST_CONTENT = Metric(
    "chatprobe_first_content_seconds",
    "histogram",
    "Time to the first chunk with answer text, of a model that was seen to reason first.",
    CHAT_LABELS,
    buckets.FIRST_TOKEN,
)
ITL = Metric(
    "chatprobe_inter_token_latency_seconds",
    "histogram",
    "Gap between consecutive chunks divided by the tokens in the later one, once for each token.",
    CHAT_LABELS,
    buckets.TOKEN,
)
TPOT = Metric(
    "chatprobe_time_per_output_token_seconds",
    "histogram",
    "Time per output token after the first chunk, once for each chat.",
    CHAT_LABELS,
    buckets.TOKEN,
)
STALL = Metric(
    "chatprobe_stall_seconds",
    "histogram",
    "The longest silence of a chat after its first token, the one in which it failed included.",
    CHAT_LABELS,
    buckets.WAIT,
)
E2E = Metric(
    "chatprobe_e2e_seconds",
    "histogram",
    "A whole chat, from connecting to the end of the answer; of a failed one, until it failed.",
    (*CHAT_LABELS, OUTCOME),
    buckets.WHOLE_CHAT,
)
PHASE_SECONDS = Metric("chatprobe_phase_seconds", "histogram", "A completed phase of a chat.", (*CHAT_LABELS, PHASE), buckets.PHASE)
OUTPUT_RATE = Metric(
    "chatprobe_output_tokens_per_second",
    "histogram",
    "Output tokens a second over a whole chat that succeeded.",
    CHAT_LABELS,
    buckets.RATE,
)

INPUT_TOKENS = Metric("chatprobe_input_tokens_total", "counter", "Input tokens of the chats, as far as the engine told.", CHAT_LABELS)
OUTPUT_TOKENS = Metric("chatprobe_output_tokens_total", "counter", "Output tokens of the chats.", CHAT_LABELS)
CACHED_INPUT_TOKENS = Metric(
    "chatprobe_cached_input_tokens_total",
    "counter",
    "Input tokens of the chats that the engine found in its prefix cache, and did not compute. Absent until it tells of a chat how many.",
    CHAT_LABELS,
)
ENGINE_SECONDS = Metric(
    "chatprobe_engine_seconds_total",
    "counter",
    "How long the engine worked on the chats, by its own account: on their prompts (`prefill`) and their answers (`decode`), without loading and "
    "waiting. It works on other requests of the same batch at the same time. Absent until it tells of a chat.",
    (*CHAT_LABELS, PHASE),
)
CHUNKS = Metric("chatprobe_chunks_total", "counter", "Chunks that bore tokens.", CHAT_LABELS)
RETRIES = Metric(
    "chatprobe_retries_total", "counter", "Requests sent again because a kept-alive connection died before the first response byte.", CHAT_LABELS
)
SEGMENTS_OUT_OF_ORDER = Metric(
    "chatprobe_segments_out_of_order_total",
    "counter",
    "TCP segments of answers that came before an earlier one: something on the way lost that, or let others overtake it. What it bore came late, "
    "and not by the engine's doing.",
    CHAT_LABELS,
)
SEGMENTS_RESENT = Metric(
    "chatprobe_segments_resent_total",
    "counter",
    "TCP segments of connecting and of requests that were sent again, since something on the way lost them. TTFT has the wait in it.",
    CHAT_LABELS,
)
DOUBTFUL = Metric("chatprobe_doubtful_total", "counter", "Chats with a token whose time may be off by more than 1 ms.", CHAT_LABELS)
GATHERED = Metric(
    "chatprobe_gathered_total",
    "counter",
    "Chats whose tokens something on the way gathered: they came several at once, and then none for a while, which the engine cannot have done. "
    "Their timings are what users felt, and say nothing of the engine.",
    CHAT_LABELS,
)
UNWANTED_LOADS = Metric(
    "chatprobe_unwanted_loads_total",
    "counter",
    "Chats for which the engine loaded its model although that was in memory and nobody allowed it, by the time that it says it took.",
    CHAT_LABELS,
)

SLO_TOTAL = Metric("chatprobe_slo_total", "counter", "Attempts that count for an SLO.", (*CHAT_LABELS, SLO))
SLO_GOOD = Metric("chatprobe_slo_good_total", "counter", "Attempts that succeeded and met every threshold of an SLO.", (*CHAT_LABELS, SLO))

CHECK_FAILURES = Metric(
    "chatprobe_check_failures_total",
    "counter",
    "Answers that failed a check of their scenario (`expect`), or `whole_prompt`, which every chat has to pass: the chats that failed by "
    "`validation`, by the check's name.",
    (*CHAT_LABELS, CHECK),
)
PAIRS = Metric(
    "chatprobe_pairs_total",
    "counter",
    "Prompts that went to the target and to its peer at the same instant. A pair in which both failed has no winner.",
    (*CHAT_LABELS, PEER),
)
PAIR_WINS = Metric(
    "chatprobe_pair_wins_total",
    "counter",
    "Pairs in which the target did better than its peer; ties, within the bounds of what was measured, count for none. "
    "A failed chat loses to one that succeeded; where something on the way gathered the tokens of one, and both succeeded, none wins. "
    "`e2e` is TTFT + (n - 1) x TPOT for the scenario's max_tokens, as answers differ in length.",
    (*CHAT_LABELS, PEER, MEASURE),
)
PAIRS_UNDECIDED = Metric(
    "chatprobe_pairs_undecided_total",
    "counter",
    "Pairs that none could win although both succeeded. `input_tokens`: the engines counted the prompt so differently that it was not the same "
    "for both (with models of one name: differently at all). `gathered`: something on the way gathered the tokens of one. "
    "`load`: one waited for its model to be loaded.",
    (*CHAT_LABELS, PEER, REASON),
)

GAP_CHATS = Metric(
    "chatprobe_gap_chats_total",
    "counter",
    "Chats of which both are known: the time to first token that the client saw, and the one that the engine says. By how the latter is known: "
    "`request`, the engine told it with the chat; `window`, it is the growth of the engine's own sums between two scrapes in which it had no "
    "requests but these.",
    (*TARGET_LABELS, BASIS),
)
GAP_CLIENT_TTFT = Metric(
    "chatprobe_gap_client_ttft_seconds_total", "counter", "Time to first token of these chats, as the client saw it.", (*TARGET_LABELS, BASIS)
)
GAP_ENGINE_TTFT = Metric(
    "chatprobe_gap_engine_ttft_seconds_total",
    "counter",
    " ".join(
        (
            "Time to first token of these chats, as the engine says; the network is in none.",
            *(f"{engine.title}: {engine.own_ttft}" for engine in backends.BACKENDS.values() if engine.own_ttft),
        )
    ),
    (*TARGET_LABELS, BASIS),
)

TARGET_INFO = Metric(
    "chatprobe_target_info",
    "gauge",
    "Facts about a target; always 1. `max_model_len` is the most tokens of a prompt and its answer together, as far as the engine tells; "
    "`ignored_model` is a configured name that the engine ignores, where it answers by another model; "
    "`left_out` names fields that chats go without, as the target refuses them.",
    (*TARGET_LABELS, URL, SERVED_MODEL, IGNORED_MODEL, BACKEND_VERSION, SOURCE, MAX_MODEL_LEN, LEFT_OUT),
)
READY_REPLICAS = Metric(
    "chatprobe_target_ready_replicas",
    "gauge",
    "Pods behind a target that are ready, by their zone, as far as the cluster tells; of targets that are discovered in Kubernetes.",
    (*TARGET_LABELS, ZONE),
)
CERTIFICATE_EXPIRY = Metric(
    "chatprobe_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the target's certificate ends, in seconds since the epoch.",
    TARGET_LABELS,
)
MODEL_LOADED = Metric(
    "chatprobe_model_loaded", "gauge", "Whether the model was in memory when last asked; of engines that load on demand.", TARGET_LABELS
)
MODEL_LOADING = Metric(
    "chatprobe_model_loading",
    "gauge",
    "Whether chatprobe is having the engine load the model, apart from its chats; of targets with `load_model`.",
    TARGET_LABELS,
)
MODEL_LOAD = Metric(
    "chatprobe_model_load_seconds",
    "histogram",
    "How long the engine took to load the model for chatprobe, apart from its chats; of targets with `load_model`.",
    TARGET_LABELS,
    buckets.LOAD,
)
MODEL_LOAD_FAILURES = Metric(
    "chatprobe_model_load_failures_total",
    "counter",
    "Loads that failed. `timeout`: it took longer than `load_timeout`; `refused`: the engine answered that it could not; `unreachable`: the "
    "connection could not be made, or broke. The log has the engine's words.",
    (*TARGET_LABELS, REASON),
)
BREAKER_OPEN = Metric(
    "chatprobe_breaker_open",
    "gauge",
    "Whether the target is chatted with only once in a while because it failed several times in a row; chats not sent meanwhile count "
    "against its SLOs.",
    TARGET_LABELS,
)
NATIVE_UP = Metric(
    "chatprobe_native_up",
    "gauge",
    "Whether the engine's own metrics could be read last; 0 with the reason, and then nothing of them is served.",
    (*TARGET_LABELS, REPLICA, REASON),
)
NATIVE_SCRAPE_DURATION = Metric(
    "chatprobe_native_scrape_duration_seconds", "gauge", "How long it took to read the engine's own metrics, or to fail.", (*TARGET_LABELS, REPLICA)
)
SCENARIO_INFO = Metric("chatprobe_scenario_info", "gauge", "How a scenario's chats are sent; always 1.", (SCENARIO, CACHE, CONNECTION, THINKING))

SCENARIO_INTERVAL = Metric(
    "chatprobe_scenario_interval_seconds",
    "gauge",
    "Longest usual time between two chats of the scenario with one target, while its calendar has it chat; alerts take it for their patience.",
    (SCENARIO,),
)
SCENARIO_TIMEOUT = Metric("chatprobe_scenario_timeout_seconds", "gauge", "Longest that a chat of the scenario may take.", (SCENARIO,))

SLO_THRESHOLD = Metric(
    "chatprobe_slo_threshold_seconds",
    "gauge",
    "Largest value with which a chat is good, for each measure that an SLO has a threshold on.",
    (SLO, SCENARIO, MEASURE),
)
SLO_OBJECTIVE = Metric("chatprobe_slo_objective_ratio", "gauge", "Share of attempts that an SLO asks to be good.", (SLO, SCENARIO))

BUILD_INFO = Metric("chatprobe_exporter_build_info", "gauge", "The chatprobe that runs; always 1.", (VERSION, PYTHON_VERSION))
RELOAD_SUCCESSFUL = Metric("chatprobe_exporter_config_last_reload_successful", "gauge", "Whether the configuration was last read without an error.")
RELOAD_TIMESTAMP = Metric(
    "chatprobe_exporter_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration that is in force was read, in seconds since the epoch.",
)
TARGETS = Metric("chatprobe_exporter_targets", "gauge", "Targets by where they come from.", (SOURCE,))
DISCOVERY_UP = Metric("chatprobe_exporter_discovery_up", "gauge", "Whether targets were last discovered without an error.", (SOURCE,))
DISCOVERY_LAST_SUCCESS = Metric(
    "chatprobe_exporter_discovery_last_success_timestamp_seconds",
    "gauge",
    "When targets were last discovered without an error, in seconds since the epoch.",
    (SOURCE,),
)
SHARDS = Metric(
    "chatprobe_exporter_shards",
    "gauge",
    "How many shards share the targets; the label says which of them, counted from 1, this process is. 1 where all targets are one process's.",
    (SHARD,),
)
LEADER = Metric(
    "chatprobe_exporter_leader",
    "gauge",
    "Whether this replica holds the lease, and chats; while it is 0 another one does. Only where there is a lease.",
)
STREAMS_IN_FLIGHT = Metric("chatprobe_exporter_streams_in_flight", "gauge", "Chats that are open now.")
SCHEDULE_LAG = Metric("chatprobe_exporter_schedule_lag_seconds", "histogram", "How much later than due a chat was started.", buckets=buckets.LAG)
LOOP_LAG = Metric(
    "chatprobe_exporter_event_loop_lag_seconds",
    "histogram",
    "How late the main process's event loop was, sampled. Chats are timed elsewhere: this delays scrapes and starts, not measurements.",
    buckets=buckets.LAG,
)
WORKER_UP = Metric(
    "chatprobe_exporter_worker_up", "gauge", "Whether a measuring worker takes up chats: it runs, and said so within the last seconds.", (WORKER,)
)
WORKER_STREAMS = Metric("chatprobe_exporter_worker_streams", "gauge", "Chats that a measuring worker has now.", (WORKER,))
WORKER_RESTARTS = Metric(
    "chatprobe_exporter_worker_restarts_total",
    "counter",
    "Times that a measuring worker died, or hung and was killed, and was started again. Its chats failed as `internal`; those of others went on.",
    (WORKER,),
)
WORKER_LAG = Metric(
    "chatprobe_exporter_worker_loop_lag_seconds",
    "histogram",
    "How late the loop of a measuring worker was, once a second. Up to 2 ms is normal: it sleeps in whole milliseconds. Stamps are the kernel's "
    "whatever it is; chunks that share a late read are known by wider bounds.",
    (WORKER,),
    buckets=buckets.LAG,
)
WORKER_CPU = Metric(
    "chatprobe_exporter_worker_cpu_seconds_total",
    "counter",
    "Processor time of a measuring worker, which is not in `process_cpu_seconds_total`. It begins anew where the worker is started again.",
    (WORKER,),
)
WORKER_MEMORY = Metric("chatprobe_exporter_worker_resident_memory_bytes", "gauge", "Resident memory of a measuring worker.", (WORKER,))
PAIR_SPREAD = Metric(
    "chatprobe_exporter_pair_spread_seconds",
    "histogram",
    "How far apart the requests of a pair, all of which were due at one instant, were sent: the first from the last. New connections, and what the "
    "names of engines take to resolve, are in it.",
    buckets=buckets.SPREAD,
)
COALESCED_CHUNKS = Metric(
    "chatprobe_exporter_coalesced_chunks_total",
    "counter",
    "Chunks with tokens that shared their read with something later, so that only bounds are known.",
)
READS = Metric("chatprobe_exporter_reads_total", "counter", "Reads of answers that the kernel had stamped.")
LATE_READS = Metric(
    "chatprobe_exporter_late_reads_total", "counter", "Those of these reads that came more than 1 ms after the arrival of the newest that they read."
)
READ_DELAY = Metric(
    "chatprobe_exporter_read_delay_seconds_total",
    "counter",
    "How long after that arrival these reads came, added up. Measurements are not off by it: they have the kernel's stamps.",
)
RECEIVE_DROPS = Metric(
    "chatprobe_exporter_receive_drops_total",
    "counter",
    "TCP segments that had arrived and that the kernel dropped, since a receive buffer or queue was full: of all programs of this machine, or of "
    "this pod. What was in them came again later.",
)
MEASUREMENT_CLOCK = Metric(
    "chatprobe_exporter_measurement_clock_info",
    "gauge",
    "What timed the last chat that bore tokens: the kernel's receive stamps, or reads by the program; always 1.",
    (CLOCK,),
)
CLOCK_STEPS = Metric(
    "chatprobe_exporter_clock_steps_total", "counter", "Steps of the wall clock that the conversion of the kernel's stamps has followed."
)
NATIVE_SERIES_DROPPED = Metric(
    "chatprobe_exporter_native_series_dropped_total",
    "counter",
    "Series of engines' own metrics that were scraped and not served on, anew with each scrape, by why: `unreadable`, the line is no metric; "
    "`line_too_long`; `too_large`, the page has too many lines; `malformed`, OpenMetrics does not allow for them; `unused_bucket`, nothing uses more "
    "of the histogram than its average (`native.buckets`); `budget`, the process has too many (`native.series_per_replica`); `budget_in_all`, it has "
    "more than its share of all (`native.series_in_all`); `type_conflict`, another target has the name with another type; `name_conflict`, another "
    "family takes the name. What the filters leave out of what was read is not counted. The log has the names. `replica` is empty where a target is "
    "one process.",
    (TARGET, REPLICA, REASON),
)
SERIES = Metric("chatprobe_exporter_series", "gauge", "Series in this exposition.")
EXPOSITION_DURATION = Metric("chatprobe_exporter_exposition_duration_seconds", "gauge", "How long the previous exposition took to render.")
EXPOSITION_KEPT = Metric(
    "chatprobe_exporter_exposition_kept_bytes",
    "gauge",
    "Memory in which unchanged series are kept as they were written, for the next exposition; at most 64 MiB.",
)
UNREADABLE = Metric(
    "chatprobe_exporter_unreadable_collectors_total",
    "counter",
    "Times that a part of the metrics could not be read and was left out of an exposition. The log says which, and why.",
)
LOG_LINES_DROPPED = Metric("chatprobe_exporter_log_lines_dropped_total", "counter", "Log lines given up because standard error took no more.")
RECORDS_LOST = Metric("chatprobe_exporter_records_lost_total", "counter", "Chat records that could not be written to the file of records.")
CHATS_ON_REQUEST = Metric(
    "chatprobe_exporter_chats_on_request_total",
    "counter",
    "Chats that somebody asked for, at `/probe`, in the API or in a race, by what became of them. They are in no other metric of chats.",
    ("outcome",),
)
HISTORY_LOST = Metric(
    "chatprobe_exporter_history_lost_total", "counter", "Chats and their summaries that could not be written to the database of the history."
)

CATALOGUE: tuple[Metric, ...] = (*(value for value in list(globals().values()) if isinstance(value, Metric)), *unified.NATIVE)
"""All of them, in the order of this page; those that the engines tell of themselves (`native`) come last."""
