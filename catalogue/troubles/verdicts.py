"""Why a benchmark run has no verdict, and why a comparison of runs is INCONCLUSIVE."""

from __future__ import annotations

from catalogue.troubles.trouble import Cause, Trouble

CHECKS = (
    Trouble(
        "late_starts",
        "chats started so late that other load was made than was asked for",
        "p99 of the lateness is above 10 % of TTFT (of E2E, where users wait for answers), and above 20 ms",
        (
            Cause("the machine that measures has too little CPU, or shares it with an engine", "measure from another machine, or with fewer users"),
            Cause("a CPU limit throttles chatprobe's pod", "raise it, or leave it out"),
        ),
    ),
    Trouble(
        "doubtful",
        "the timings of more than 5 % of the chats may be off by more than 1 ms",
        "`doubtful` in the records; a chat's `max_timing_error_seconds` is above 0.001",
        (
            Cause("the machine that measures is too busy", "more CPU for it, fewer users"),
            Cause("chunks share their reads: something on the way puts them together", "see `gathered`"),
        ),
    ),
    Trouble(
        "user_clock",
        "instants of more than 1 % of the chats are those of the program, not of the kernel",
        '`clock: "user"` in the records',
        (
            Cause("the kernel gives no receive stamps: gVisor, an old container runtime", "measure on a machine with a Linux kernel of its own"),
            Cause("the wall clock stepped during the run", "synchronize it before, and measure again"),
        ),
    ),
    Trouble(
        "gathered",
        "something on the way gathered the tokens of more than 5 % of the chats, so that their rhythm is not the engine's",
        "`chatprobe probe URL` says `gathered`",
        (
            Cause("HAProxy, or an OpenShift Route without TLS", "`option http-no-delay`, or TLS; or the Service itself"),
            Cause("nginx, a CDN or a gateway buffers or compresses", "`proxy_buffering off`, no compression of streams"),
        ),
    ),
    Trouble(
        "own_fault",
        "more than 1 % of the chats failed by chatprobe's own fault",
        "chats with the reason `internal`",
        (Cause("see `internal`", "`chatprobe explain internal`"),),
    ),
    Trouble(
        "not_sent",
        "more than 1 % of the chats that were due were not sent, for no fault of the engine's",
        "`unsent` in the results, with the reason of each",
        (
            Cause("chatprobe was held up (`missed`)", "more CPU"),
            Cause("a limit held them back", "`chatprobe explain REASON` of the skip"),
        ),
    ),
    Trouble(
        "loop_lag",
        "chatprobe's own event loop was so late that chats, and the looks at engines, came later than they were meant to",
        "p99 of its lateness is above 10 % of the run's shortest median E2E",
        (
            Cause("the machine that measures has too little CPU, or shares it with an engine", "measure from another machine, or with fewer users"),
            Cause("a CPU limit throttles chatprobe's pod", "raise it, or leave it out"),
        ),
    ),
    Trouble(
        "clock_steps",
        "the machine's clock was set while more than 1 % of the chats were under way",
        "`chatprobe_exporter_clock_steps_total` of an exporter on the same machine grows too",
        (Cause("time synchronization set the clock in a step", "let it slew (chrony, `ntpd -x`), synchronize before the run, and measure again"),),
    ),
    Trouble(
        "lost_records",
        "records of chats could not be kept",
        "the run says how many",
        (Cause("the disk is full or slow", "room on it, or `--output-dir` on another"),),
    ),
    Trouble(
        "lacking",
        "the results lack something else, as files that are shorter than they were",
        "the words say what",
        (Cause("files of the run were changed, cut or copied in part", "copy the whole folder again; `chatprobe results export` makes an archive"),),
    ),
    Trouble(
        "other_model",
        "chats were answered by another model than was to be measured",
        "the words name it",
        (
            Cause("the engine was restarted with another model, or a router chooses one", "measure again; name the model with `model`"),
            Cause("a fallback of a gateway", "measure past it"),
        ),
    ),
    Trouble(
        "token_sources",
        "tokens of one engine are counted by its usage, of another by chunks: the two do not compare",
        "`token_source` of the engines differs",
        (
            Cause("an engine does not tell its usage", "a newer version of it; `omit` must not have `stream_options`"),
            Cause("a gateway takes the usage out", "measure past it"),
        ),
    ),
)
"""The checks of chatprobe's own health in `summary.json`. Where one is not passed, no winner is named in the whole run."""

COMPARISONS = (
    Trouble(
        "unlike",
        "the two sides differ in something that was not to be compared",
        "`the sides are unlike: FACT is not the same: …`",
        (
            Cause("that difference is what you want to judge, as an upgrade", "`--expect-change FACT`"),
            Cause("it is an oversight, as another prompt set or machine", "measure one of the two again under the conditions of the other"),
            Cause("runs of one side differ among themselves", "leave out those that do"),
        ),
    ),
    Trouble(
        "untrusted",
        "a run was killed, broke, lost records, or chatprobe was not well while it measured",
        "`RUN cannot be trusted: …`",
        (
            Cause("the checks of its summary", "`chatprobe explain CHECK` of the one that it names"),
            Cause("it has no summary", "`chatprobe results reprocess RUN`"),
            Cause("it was killed", "measure again"),
        ),
    ),
    Trouble(
        "too-wide",
        "the interval contains both better and worse than is allowed",
        "`may be worse by 8 %; 5 % is allowed…; about 12 … a side would tell`",
        (
            Cause("too few rounds or runs for so small a threshold", "as many as it says; `--until` ends a run when enough is known"),
            Cause("the engine itself varies much", "a larger `--threshold`, or a p50 in place of a p95"),
        ),
    ),
    Trouble(
        "by-chance",
        "it would fail if it were looked at alone, and one of so many measures may look so by chance",
        "`worse by at least 6 % if it were looked at alone; one of 12 may look so by chance`",
        (Cause("many measures are looked at", "`--measure` with those that matter, chosen before; or more runs"),),
    ),
    Trouble(
        "too-few",
        "there is nothing that says how sure the number is",
        "`a comparison needs 3 whole rounds, or 3 runs, a side`, `p95 needs 73 …; there are 40`",
        (
            Cause("a run with fewer than three rounds", "`--rounds 3` or more, or three runs a side: `--baseline`, `--candidate`"),
            Cause("too few chats for this quantile", "a longer run, or a lower quantile"),
            Cause("another tool's file has only values of the whole", "its option for details: `docs/comparing-runs.md` names it for each tool"),
            Cause("all requests were sent at once: that is one event", "three runs a side"),
        ),
    ),
    Trouble(
        "other-meaning",
        "the tools that measured mean something else by the measure, or one of them does not measure it",
        "`the tools mean other things by it: …`",
        (Cause("two tools", "compare runs of one tool, or another measure: `docs/comparing-runs.md` has a table"),),
    ),
    Trouble(
        "no-slo",
        "goodput needs an SLO, and the runs do not share one",
        "`goodput needs an SLO, …; give it with --slo`",
        (Cause("they were run with other SLOs, or none", "`--slo NAME`"),),
    ),
    Trouble(
        "only-one-side",
        "a target or a level of load is there on one side only",
        "`only the baseline has the level …`",
        (
            Cause("the runs had other levels or names", "`RUN:TARGET` chooses a target; `--expect-change load` if that was to differ"),
            Cause("one of the runs was interrupted", "measure it again"),
        ),
    ),
)
"""Why `chatprobe bench compare` says INCONCLUSIVE (exit code 2)."""
