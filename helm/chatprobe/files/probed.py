"""Waits until each target of a chatprobe has had a good chat: `python probed.py URL SECONDS`. Exits with 1, and says what is missing.

It shows the token in the variable TOKEN, and trusts the authority in /authority/ca.crt, where there are such.
"""

import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

AUTHORITY = Path("/authority/ca.crt")
NOT_LET_IN = "it does not let the test in ({}); name a Secret with a token that may read in test.token"


def page_of(url: str, seconds: float) -> str:
    """What is answered there."""
    request = urllib.request.Request(url)
    if token := os.environ.get("TOKEN"):
        request.add_header("Authorization", f"Bearer {token}")
    trusted = ssl.create_default_context(cafile=str(AUTHORITY) if AUTHORITY.exists() else None)
    with urllib.request.urlopen(request, timeout=seconds, context=trusted) as answer:
        read: bytes = answer.read()
    return read.decode()


def missing(url: str) -> str | None:
    """What is not as it should be, or None."""
    page_of(f"{url}/-/ready", 5)
    try:
        page = page_of(f"{url}/metrics", 10)
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return NOT_LET_IN.format(error.code)
        raise
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
