"""Metrics of the exporter's own process by prometheus-client's collectors, as far as dashboards show them."""

from __future__ import annotations

from catalogue.metric import Metric

CPU_SECONDS = Metric("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.")
RESIDENT_MEMORY = Metric("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.")
OPEN_FILES = Metric("process_open_fds", "gauge", "Number of open file descriptors.")
MOST_FILES = Metric("process_max_fds", "gauge", "Maximum number of open file descriptors.")
START_TIME = Metric("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.")

PROCESS = (CPU_SECONDS, RESIDENT_MEMORY, OPEN_FILES, MOST_FILES, START_TIME)
