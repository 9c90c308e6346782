"""Metrics that others tell of the engines' pods: the kubelet (cAdvisor) of CPU and memory, NVIDIA's DCGM exporter of
GPUs.

Only labels that panels use are listed. Where Prometheus does not honour the labels of DCGM (`honor_labels: false`, its
default), `pod` and `namespace` are those of DCGM's own pod, and the workload's are `exported_pod` and
`exported_namespace`. Both forms are common.
"""

from __future__ import annotations

from catalogue.metric import Metric

NAMESPACE, POD, CONTAINER = "namespace", "pod", "container"
EXPORTED_NAMESPACE, EXPORTED_POD = "exported_namespace", "exported_pod"
GPU, HOST = "gpu", "Hostname"
_CONTAINERS = (NAMESPACE, POD, CONTAINER)
_GPUS = (NAMESPACE, POD, EXPORTED_NAMESPACE, EXPORTED_POD, GPU, HOST)

CPU = Metric("container_cpu_usage_seconds_total", "counter", "CPU seconds that a container used.", _CONTAINERS)
PERIODS = Metric("container_cpu_cfs_periods_total", "counter", "Periods of the CPU limit, of 100 ms; of containers that have one.", _CONTAINERS)
THROTTLED = Metric("container_cpu_cfs_throttled_periods_total", "counter", "Periods in which the limit stopped a container.", _CONTAINERS)
MEMORY = Metric("container_memory_working_set_bytes", "gauge", "Memory that a container holds and that cannot be taken from it.", _CONTAINERS)
MEMORY_LIMIT = Metric("container_spec_memory_limit_bytes", "gauge", "Most memory that a container may hold; 0 without a limit.", _CONTAINERS)

GPU_USED = Metric("DCGM_FI_DEV_GPU_UTIL", "gauge", "Share of time in which a kernel ran on the GPU, in percent.", _GPUS)
GPU_MEMORY_USED = Metric("DCGM_FI_DEV_FB_USED", "gauge", "GPU memory that is taken, in MiB.", _GPUS)
GPU_MEMORY_FREE = Metric("DCGM_FI_DEV_FB_FREE", "gauge", "GPU memory that is free, in MiB.", _GPUS)
GPU_POWER = Metric("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power that the GPU draws, in watts.", _GPUS)
GPU_TEMPERATURE = Metric("DCGM_FI_DEV_GPU_TEMP", "gauge", "Temperature of the GPU, in degrees Celsius.", _GPUS)

PODS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in the order of this page."""
