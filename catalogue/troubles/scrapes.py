"""Why an engine's own metrics could not be read, and why some of their series are not served on: closed lists."""

from __future__ import annotations

from catalogue.troubles.trouble import Cause, Trouble

SCRAPES = (
    Trouble(
        "unreachable",
        "no connection to the engine's metrics, or one that broke before the answer",
        "`chatprobe_native_up` is 0; chats may go well",
        (
            Cause("the metrics are at another port or path", "`metrics: {path: …}` or `{urls: […]}` of the target"),
            Cause("a NetworkPolicy lets chats through and not scrapes of pods", "allow chatprobe to reach the pods' port"),
        ),
    ),
    Trouble(
        "timeout",
        "the page of metrics did not come whole in time",
        "`chatprobe_native_scrape_duration_seconds` stands at `native.timeout`",
        (Cause("the engine is too busy to answer", "a longer `native.timeout`; the chats' own numbers stay exact"),),
    ),
    Trouble(
        "status",
        "the page of metrics came with another status than 200",
        "the log has the status",
        (
            Cause("401 or 403: metrics need a key of their own", "`headers` or `api_key` of the target"),
            Cause("404: they are elsewhere, or switched off: llama.cpp without `--metrics`", "correct the path, or start the engine with them"),
        ),
    ),
    Trouble(
        "too_large",
        "the page has more bytes or lines than are read",
        "the log says how many",
        (Cause("very many models, adapters or ranks in one process", "fewer of them; numbers under one name are read all the same where they can"),),
    ),
    Trouble(
        "unreadable",
        "the answer is cut short, or is no page of metrics",
        "the log has what was wrong",
        (Cause("the path leads to a page for people", "correct `metrics.path`"), Cause("something on the way changes it", "try past it")),
    ),
    Trouble(
        "empty",
        "the page has no metrics of this engine",
        "it is read well, and nothing comes of it",
        (
            Cause("vLLM with `--disable-log-stats`, SGLang without `--enable-metrics`", "start the engine with its metrics"),
            Cause("it is another engine than `backend` says", "correct `backend`"),
        ),
    ),
    Trouble(
        "load_balanced",
        "one URL answered for more than one process, so that counters jump",
        "the log says so, with the target",
        (Cause("a Service stands before several pods", "`metrics: {urls: [one for each replica]}`; discovery in Kubernetes does so by itself"),),
    ),
)
"""The label `reason` of `chatprobe_native_up`."""

DROPS = (
    Trouble(
        "unreadable",
        "its line cannot be read: its name, its labels or its value are none",
        "the log has the names",
        (Cause("the engine writes it so", "no setting mends it: report it to the engine's makers"),),
    ),
    Trouble(
        "line_too_long",
        "its line has more characters than are read",
        "the log has the names",
        (Cause("very long labels, as lists of adapters", "no setting mends it; fewer adapters in one process"),),
    ),
    Trouble(
        "too_large",
        "the page has more lines than are read; numbers under one name are whole all the same",
        "the page has more than 20,000 lines",
        (Cause("many adapters or models in one process", "fewer of them"),),
    ),
    Trouble(
        "malformed",
        "OpenMetrics does not allow for it: a negative count, a histogram without its last bucket, a series twice",
        "the log has the names",
        (Cause("the engine writes it so", "no setting mends it: report it to the engine's makers"),),
    ),
    Trouble(
        "unused_bucket",
        "nothing uses more of the histogram than its average, and `native.buckets: used` leaves the rest out",
        "averages stay, quantiles of it are not there",
        (Cause("it is meant so", "`native.buckets: all` serves all of them, and costs series"),),
    ),
    Trouble(
        "budget",
        "the process has more series than `native.series_per_replica`",
        "the log has the families that were left out",
        (Cause("many data-parallel ranks, models or adapters", "raise it, or name what nobody looks at in `native.deny`"),),
    ),
    Trouble(
        "budget_in_all",
        "there are so many processes that each has less of `native.series_in_all`",
        "it begins when targets are added",
        (Cause("more targets", "raise it if memory and Prometheus have room; else deny families, or use shards"),),
    ),
    Trouble(
        "type_conflict",
        "another target has the name with another type",
        "it begins with a rollout",
        (Cause("two versions of one engine", "wait for the rollout; if it stays, deny the family"),),
    ),
    Trouble(
        "name_conflict",
        "another family takes the name: in OpenMetrics a counter `x_total` takes `x`",
        "the log has both names",
        (Cause("an engine has both", "deny one of the two: `native.deny`"),),
    ),
)
"""The label `reason` of `chatprobe_exporter_native_series_dropped_total`."""
