"""The buckets of each kind of histogram, with the reason for each. Thresholds of SLOs join them when the exporter
starts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Buckets:
    """Upper bounds in the metric's own unit, ascending, without infinity. `reason` says why they are chosen so."""

    bounds: tuple[float, ...]
    reason: str


_TO_5_S = (
    *(0.005, 0.006, 0.0075, 0.009),
    *(0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.075, 0.09),
    *(0.1, 0.125, 0.15, 0.175, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 0.9),
    *(1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5),
)
"""What engines are told apart by: no bucket is wider than a quarter of its lower bound, and each decade is divided alike."""

FIRST_TOKEN = Buckets(
    (*_TO_5_S, 7.5, 10, 15, 20, 30, 45, 60),
    "From a small model on an idle GPU (5 ms) to an engine whose queue eats the first-token timeout (30 s by default, 60 s for patient ones). "
    "Up to 5 s no bucket is wider than a quarter of its lower bound, and above that than a half, "
    "so that an interpolated quantile of chats that vary is off by up to 5 %.",
)
TOKEN = Buckets(
    (0.001, 0.0015, 0.002, 0.0025, 0.003, 0.004, *_TO_5_S),
    "From 1,000 tokens a second (speculative decoding, several tokens a chunk) to a stream that has all but stopped. "
    "From 5 ms on no bucket is wider than a quarter of its lower bound, so that an interpolated quantile of chats that vary is off by up to 5 %.",
)
WHOLE_CHAT = Buckets(
    (*_TO_5_S, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300),
    "From a one-word answer of a small model to long generations; 120 s is the default total timeout, and 300 s leaves room for longer ones. "
    "Up to 5 s no bucket is wider than a quarter of its lower bound, and above that than a half.",
)
WAIT = Buckets(
    (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60),
    "Tells why a chat was slow rather than by how much: neighbours are at most a factor of two apart.",
)
PHASE = Buckets(
    (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30),
    "Tells a loopback connect (under 0.5 ms) from one across a network and from one that hangs; 5 s is the default connect timeout, "
    "30 s that of the first token. Coarse, because a chat has six phases.",
)
RATE = Buckets(
    (1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 500, 1000),
    "From slower than reading (5 tokens a second) over a good GPU (50 to 200) to small models on large ones.",
)
LOAD = Buckets(
    (0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300),
    "Tells a model that is in memory (a few milliseconds) from one that must be fetched: a small one from the page cache (about 1 s), "
    "a large one from a disk or a network (minutes).",
)
SPREAD = Buckets(
    (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
    "From requests that went out at once to one that waited for a name or a handshake.",
)
LAG = Buckets(
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    "From a healthy event loop (about 1 ms) to one that was held for seconds.",
)
