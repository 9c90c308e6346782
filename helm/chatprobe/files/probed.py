"""Waits until each target of a chatprobe has had a good chat: `python probed.py URL SECONDS`. Exits with 1, and says what is missing."""

import sys
import time
import urllib.request

from prometheus_client.parser import text_string_to_metric_families


def missing(url: str) -> str | None:
    """What is not as it should be, or None."""
    with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:
        answer.read()
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
        page = answer.read().decode()
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    targets = {sample.labels["target"] for sample in samples if sample.name == "chatprobe_probes_total"}
    well = {sample.labels["target"] for sample in samples if sample.name == "chatprobe_last_success_timestamp_seconds"}
    if not targets:
        return "there is no target; label the engines' Services as discovery.kubernetes.selector has it, or name them in config.targets"
    silent = sorted(targets - well)
    return f"no good chat yet with {', '.join(silent)}; look at chatprobe's log" if silent else None


def main() -> None:
    url, ends = sys.argv[1], time.monotonic() + float(sys.argv[2])
    while True:
        try:
            problem = missing(url)
        except OSError as error:
            problem = f"{url}: {error}"
        if problem is None:
            sys.stdout.write("each target has had a good chat\n")
            return
        if time.monotonic() > ends:
            sys.exit(problem)
        time.sleep(2)


main()
