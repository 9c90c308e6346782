"""The engines' pods: CPU and memory by the kubelet, GPUs by NVIDIA's exporter. Optional, and of other jobs than chatprobe's."""

from __future__ import annotations

from catalogue import pods as told
from catalogue.metric import Metric
from dashboards.dash.board import Row
from dashboards.dash.panels import Text
from dashboards.dash.units import Unit
from dashboards.dash.variables import LabelValues
from dashboards.drilldown import lines
from dashboards.promql import WINDOW, joined, ratio, sums

_CONTAINERS = f'{told.CONTAINER}!="", {told.CONTAINER}!="POD"'
"""Not the sums of whole pods and nodes, nor the container that holds a pod's network."""
_CHOSEN = f'{told.NAMESPACE}=~"$namespace", {told.POD}=~"$pod"'
_BY_POD, _BY_GPU = (told.NAMESPACE, told.POD), (told.NAMESPACE, told.POD, told.HOST, told.GPU)
_POD = f"{{{{{told.POD}}}}}"
_GPU = f"{_POD} {{{{{told.HOST}}}}} GPU {{{{{told.GPU}}}}}"
VARIABLES = (
    LabelValues("namespace", "Namespace of pods", f"{told.MEMORY.name}{{{_CONTAINERS}}}", told.NAMESPACE),
    LabelValues("pod", "Pods of engines", f'{told.MEMORY.name}{{{_CONTAINERS}, {told.NAMESPACE}=~"$namespace"}}', told.POD),
)


def container(metric: Metric) -> str:
    """A gauge of containers, by pod."""
    return sums(f"{metric.name}{{{_CONTAINERS}, {_CHOSEN}}}", _BY_POD)


def growth(metric: Metric) -> str:
    """How much a counter of containers grows in a second, by pod."""
    return sums(f"rate({metric.name}{{{_CONTAINERS}, {_CHOSEN}}}[{WINDOW}])", _BY_POD)


def gpu(metric: Metric) -> str:
    """A gauge of GPUs, by the pod that uses it, whether or not Prometheus renamed the labels that name this pod."""
    renamed = f'{metric.name}{{{told.EXPORTED_NAMESPACE}=~"$namespace", {told.EXPORTED_POD}=~"$pod"}}'
    for label, theirs in ((told.NAMESPACE, told.EXPORTED_NAMESPACE), (told.POD, told.EXPORTED_POD)):
        renamed = f'label_join({renamed}, "{label}", "", "{theirs}")'
    return joined("max", f'{renamed} or {metric.name}{{{told.EXPORTED_POD}="", {_CHOSEN}}}', _BY_GPU)


NOTE = Text(
    title="Where these numbers come from",
    description="What has to be scraped for the panels of this row.",
    width=24,
    height=5,
    content=f"""\
CPU and memory are the kubelet's (cAdvisor, `{told.CPU.name}` and others): kube-prometheus-stack and OpenShift scrape them by default. GPUs are those
of [dcgm-exporter](https://github.com/NVIDIA/dcgm-exporter) (`{told.GPU_USED.name}` and others), which NVIDIA's GPU operator brings; it names the pod
that uses a GPU where it runs with `DCGM_EXPORTER_KUBERNETES=true`. Both must be in the Prometheus that is asked here. Nothing ties a target to its
pods: choose them above with *Namespace of pods* and *Pods of engines*. Without Kubernetes, these panels stay empty.
""",
)
_NO_GPUS = "NVIDIA's dcgm-exporter is not scraped."
_NO_PODS = "the kubelet's container metrics are not scraped."
ROW = Row(
    "The engines' pods",
    (
        NOTE,
        lines(
            "GPU in use",
            "Share of time in which anything ran on it; 100 % need not be used well. Low while requests run: the engine waits for its CPU.",
            Unit.RATIO,
            {_GPU: f"{gpu(told.GPU_USED)} / 100"},
            may_be_empty=_NO_GPUS,
            links=(),
        ),
        lines(
            "GPU memory taken",
            "vLLM and TGI take nearly all of it at their start, whatever they need; Ollama what its models need.",
            Unit.RATIO,
            {_GPU: ratio(gpu(told.GPU_MEMORY_USED), f"({gpu(told.GPU_MEMORY_USED)} + {gpu(told.GPU_MEMORY_FREE)})")},
            may_be_empty=_NO_GPUS,
            links=(),
        ),
        lines(
            "GPU power",
            "What it draws. A GPU that decodes draws less than one that prefills.",
            Unit.WATTS,
            {_GPU: gpu(told.GPU_POWER)},
            may_be_empty=_NO_GPUS,
            width=4,
            links=(),
        ),
        lines(
            "GPU temperature",
            "Above some 85 °C, GPUs slow down.",
            Unit.CELSIUS,
            {_GPU: gpu(told.GPU_TEMPERATURE)},
            may_be_empty=_NO_GPUS,
            width=4,
            links=(),
        ),
        lines(
            "CPU cores in use",
            "An engine's frontend needs about one core; at a whole one for long, tokens wait for it.",
            Unit.NUMBER,
            {_POD: growth(told.CPU)},
            may_be_empty=_NO_PODS,
            links=(),
        ),
        lines(
            "CPU held back",
            "Share of periods in which the CPU limit stopped the pod. Each stop is a stall for whoever streams: give it more, or no limit.",
            Unit.RATIO,
            {_POD: ratio(growth(told.THROTTLED), growth(told.PERIODS))},
            may_be_empty=f"{_NO_PODS[:-1]}, or the pods have no CPU limit.",
            links=(),
        ),
        lines(
            "Memory in use",
            "Working set of the pod, and its limit where it has one: there it is killed.",
            Unit.BYTES,
            {_POD: container(told.MEMORY), f"{_POD}: limit": f"{container(told.MEMORY_LIMIT)} > 0"},
            may_be_empty=_NO_PODS,
            links=(),
        ),
    ),
    collapsed=True,
)
