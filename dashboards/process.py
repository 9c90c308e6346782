"""The exporter as a process: its configuration and targets, the metrics that it serves, and what it takes of the machine."""

from __future__ import annotations

from catalogue import own, process
from catalogue.metric import REPLICA, TARGET
from catalogue.own import REASON, SOURCE, WORKER, ZONE
from dashboards import engines
from dashboards.dash.board import Row
from dashboards.dash.colours import Colour
from dashboards.dash.panels import Draw, Heatmap, Stat, StateTimeline, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import ValueText, high_is_bad, low_is_bad
from dashboards.instances import EACH, NAME, WELL, WHY, each, later_than
from dashboards.promql import BY_TARGET, WINDOW, differs, growth, heat, joined, rate, select, sums

_NO_DISCOVERY = "targets are listed in the configuration, and none is discovered (`discovery`)."

RELOADS = StateTimeline(
    title="Last reload of the configuration",
    description="Red: the configuration on disk has an error, and the one of before stays in force. The log and the status page name the error.",
    unit=Unit.PLAIN,
    height=6,
    queries=(Query(each(own.RELOAD_SUCCESSFUL, how="min"), NAME),),
    mappings=WELL,
)
TARGETS = TimeSeries(
    title="Targets by where they come from",
    description="How many targets chatprobe follows. A step that nobody made is a discovery that lost something.",
    unit=Unit.PLAIN,
    height=6,
    decimals=0,
    lowest=0,
    queries=(Query(each(own.TARGETS, SOURCE), f"{{{{{SOURCE}}}}}, {NAME}"),),
)
DISCOVERY = StateTimeline(
    title="Discovery",
    description="Red: targets could not be looked for. Those that were known stay; new ones are not found.",
    unit=Unit.PLAIN,
    height=6,
    queries=(Query(each(own.DISCOVERY_UP, SOURCE, how="min"), f"{{{{{SOURCE}}}}}, {NAME}"),),
    mappings=WELL,
    may_be_empty=_NO_DISCOVERY,
)
DISCOVERED = Stat(
    title="Since the last discovery",
    description="How long ago targets were discovered without an error.",
    unit=Unit.SECONDS,
    height=6,
    decimals=0,
    queries=(Query(f"time() - {each(own.DISCOVERY_LAST_SUCCESS, SOURCE)}", f"{{{{{SOURCE}}}}}, {NAME}", instant=True),),
    thresholds=high_is_bad(300, 900),
    sparkline=False,
    may_be_empty=_NO_DISCOVERY,
)
BREAKERS = StateTimeline(
    title="Breakers",
    description="Red: the target failed several times in a row, and is chatted with only once in a while. Chats not sent meanwhile count against "
    "its SLOs.",
    unit=Unit.PLAIN,
    height=6,
    queries=(Query(joined("max", select(own.BREAKER_OPEN)), engines.LEGEND),),
    mappings=(ValueText(0, "closed", Colour.GREEN), ValueText(1, "open", Colour.RED)),
    may_be_empty="no breaker has opened since chatprobe started.",
)
LEADERS = StateTimeline(
    title="Who chats",
    description="Of replicas that share a lease, green is the one that holds it and chats. Two at once, or none for long: the lease does not work.",
    unit=Unit.PLAIN,
    height=6,
    queries=(Query(each(own.LEADER), NAME),),
    mappings=(ValueText(0, "waits", Colour.GREY), ValueText(1, "chats", Colour.GREEN)),
    may_be_empty="there is no lease (`--lease`): every replica chats.",
)
READY = TimeSeries(
    title="Ready pods of targets",
    description="Pods behind each target that are ready, by zone, as the cluster tells. A chat tells of one of them only.",
    unit=Unit.PLAIN,
    height=6,
    decimals=0,
    lowest=0,
    queries=(Query(joined("max", select(own.READY_REPLICAS), (*BY_TARGET, ZONE)), f"{engines.LEGEND} {{{{{ZONE}}}}}"),),
    overrides=engines.COLOURS,
    may_be_empty="no target is discovered in a cluster.",
)
CERTIFICATES = Stat(
    title="Certificates end in",
    description="How long the certificates of targets with `https` are still valid.",
    unit=Unit.SECONDS,
    height=6,
    queries=(Query(f"{joined('min', select(own.CERTIFICATE_EXPIRY))} - time()", engines.LEGEND, instant=True),),
    thresholds=low_is_bad(7 * 86400, 21 * 86400),
    sparkline=False,
    may_be_empty="no target has `https`.",
)

SERIES = TimeSeries(
    title="Series",
    description="Series that chatprobe serves, the engines' own included: what it costs Prometheus. It grows with targets times scenarios.",
    unit=Unit.NUMBER,
    lowest=0,
    queries=(Query(each(own.SERIES), NAME),),
)
EXPOSITION = TimeSeries(
    title="Time to render the metrics",
    description="How long the last scrape took to render. Near Prometheus' scrape timeout (10 s by default) scrapes begin to fail.",
    unit=Unit.SECONDS,
    lowest=0,
    queries=(Query(each(own.EXPOSITION_DURATION), NAME),),
)
KEPT = TimeSeries(
    title="Memory for series that did not change",
    description="What is kept of one exposition for the next, so that a scrape renders only what changed. At most 64 MiB; at the bound, scrapes take "
    "longer.",
    unit=Unit.BYTES,
    lowest=0,
    queries=(Query(each(own.EXPOSITION_KEPT), NAME),),
)
DROPPED = TimeSeries(
    title="Engines' series that were not served on",
    description="Series a second of the engines' own metrics that were given up, by process and reason. `unreadable`, `line_too_long`: a line "
    "of the engine's; `budget`: the process has too many (`native.series_per_replica`); `budget_in_all`: more than its share of "
    "`native.series_in_all`; conflicts: two engines call different things by one name. What `native.buckets` leaves out is not shown. "
    "The log has the names.",
    unit=Unit.PER_SECOND,
    lowest=0,
    queries=(
        Query(
            f"{rate(own.NATIVE_SERIES_DROPPED, differs(REASON, own.UNUSED_BUCKET), by=(TARGET, REPLICA, REASON))} > 0",
            f"{{{{{TARGET}}}}} {{{{{REPLICA}}}}}: {{{{{REASON}}}}}",
        ),
    ),
    may_be_empty="all series that were scraped were served on.",
)
_BY_REPLICA = (*BY_TARGET, REPLICA)
_REPLICAS = f"{engines.LEGEND} {{{{{REPLICA}}}}}"
NATIVE_UP = StateTimeline(
    title="The engines' own metrics",
    description="Whether they can be read. Red: they are not served on, and the dashboards of the engines stand still; the label `reason` says why.",
    unit=Unit.PLAIN,
    width=12,
    height=6,
    queries=(Query(joined("max", select(own.NATIVE_UP), _BY_REPLICA), _REPLICAS),),
    mappings=WELL,
)
NATIVE_SCRAPES = TimeSeries(
    title="Time to read the engines' own metrics",
    description="An engine that needs long for its metrics is busy in Python: chats wait there too.",
    unit=Unit.SECONDS,
    width=12,
    height=6,
    lowest=0,
    queries=(Query(joined("max", select(own.NATIVE_SCRAPE_DURATION), _BY_REPLICA), _REPLICAS),),
    overrides=engines.COLOURS,
    value_links=(WHY,),
)

STREAMS = TimeSeries(
    title="Streams in flight",
    description="Chats that are open now. At the cap (`limits.streams`) further ones are skipped as `global_cap`.",
    unit=Unit.PLAIN,
    decimals=0,
    lowest=0,
    queries=(Query(each(own.STREAMS_IN_FLIGHT), NAME),),
)
CPU = TimeSeries(
    title="CPU",
    description="Cores that the main process uses: what it does around chats. Measuring workers are processes of their own, shown below. Near 1 it "
    "is the bottleneck, and the event loop lags.",
    unit=Unit.NUMBER,
    decimals=2,
    lowest=0,
    queries=(Query(rate(process.CPU_SECONDS, by=EACH), NAME),),
)
MEMORY = TimeSeries(
    title="Memory",
    description="Resident memory of the main process. It follows the number of series and of open chats; a line that only climbs is a leak.",
    unit=Unit.BYTES,
    lowest=0,
    queries=(Query(each(process.RESIDENT_MEMORY), NAME),),
)
LOOP_LAG = Heatmap(
    title="Event loop lag, distribution",
    description="How late the main process's event loop was, sampled. It delays scrapes and starts of chats, not their measurement.",
    unit=Unit.SECONDS,
    queries=(Query(heat(own.LOOP_LAG)),),
)
LOOP_LATE = TimeSeries(
    title="Event loop more than 100 ms late",
    description="Share of samples. 0 is normal; above a few percent the process lacks CPU.",
    unit=Unit.RATIO,
    lowest=0,
    soft_highest=0.05,
    queries=(Query(later_than(own.LOOP_LAG, 0.1), NAME),),
)
FILES = TimeSeries(
    title="Open files",
    description="Share of the file descriptors that the main process may have. Sockets of chats are the workers'.",
    unit=Unit.RATIO,
    lowest=0,
    soft_highest=0.1,
    queries=(Query(f"{each(process.OPEN_FILES)} / {each(process.MOST_FILES)}", NAME),),
)

_OF_WORKER = (*EACH, WORKER)
_WORKER = f"worker {{{{{WORKER}}}}}, {NAME}"
WORKER_CPU = TimeSeries(
    title="CPU of measuring workers",
    description="Cores that each worker uses. It grows with the tokens that come, whichever chat they are of. Above 0.7 give it less to do: more "
    "`workers`, if there are processors for them.",
    unit=Unit.NUMBER,
    decimals=2,
    lowest=0,
    queries=(Query(rate(own.WORKER_CPU, by=_OF_WORKER), _WORKER),),
)
WORKER_MEMORY = TimeSeries(
    title="Memory of measuring workers",
    description="Resident memory of each worker. It follows the number of open chats; a line that only climbs is a leak.",
    unit=Unit.BYTES,
    lowest=0,
    queries=(Query(each(own.WORKER_MEMORY, WORKER), _WORKER),),
)
WORKER_STREAMS = TimeSeries(
    title="Streams of measuring workers",
    description="Chats that each worker has. They are shared out evenly; one that has none while others do is being started again.",
    unit=Unit.PLAIN,
    decimals=0,
    lowest=0,
    queries=(Query(each(own.WORKER_STREAMS, WORKER), _WORKER),),
)
WORKER_LATE = TimeSeries(
    title="Loops of measuring workers more than 10 ms late",
    description="Share of samples, one a second. Stamps are the kernel's whatever it is, but chunks that are read together are known by bounds only: "
    "with it doubtful chats rise. Above a few percent the workers lack CPU, or `SYS_NICE`.",
    unit=Unit.RATIO,
    lowest=0,
    soft_highest=0.05,
    queries=(Query(later_than(own.WORKER_LAG, 0.01), NAME),),
)
WORKER_RESTARTS = TimeSeries(
    title="Measuring workers started again",
    description="How often a worker died or hung, over the time range of a point. Its chats failed as `internal`, those of others went on. The log "
    "says which it was; a lack of memory is the usual cause.",
    unit=Unit.NUMBER,
    decimals=0,
    lowest=0,
    queries=(Query(sums(growth(own.WORKER_RESTARTS, WINDOW), _OF_WORKER), _WORKER),),
    draw=Draw.BARS,
)
PAIRS = Heatmap(
    title="How far apart the requests of a pair were sent",
    description="All are due at one instant, and go out together. New connections, and names that have to be resolved, are in it. TTFT counts from "
    "each request's own sending, so a spread does not make one engine slower.",
    unit=Unit.SECONDS,
    queries=(Query(heat(own.PAIR_SPREAD)),),
    may_be_empty="no scenario has `pair: true`.",
)

CONFIGURATION = Row("Configuration and targets", (RELOADS, TARGETS, BREAKERS, DISCOVERY, DISCOVERED, CERTIFICATES, LEADERS, READY))
METRICS = Row("Metrics", (SERIES, EXPOSITION, KEPT, DROPPED, NATIVE_UP, NATIVE_SCRAPES))
PROCESS = Row("Process", (STREAMS, CPU, MEMORY, LOOP_LAG, LOOP_LATE, FILES))
WORKERS = Row("Measuring workers", (WORKER_STREAMS, WORKER_CPU, WORKER_MEMORY, WORKER_LATE, WORKER_RESTARTS, PAIRS))
