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


_FROM_100_MS = (
    *(0.1, 0.115, 0.13, 0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3, 0.35, 0.4, 0.45, 0.5, 0.575, 0.65, 0.75, 0.875),
    *(1, 1.15, 1.3, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.5, 4, 4.5, 5),
)
_TO_5_S = (
    *(0.005, 0.00575, 0.0065, 0.0075, 0.00875),
    *(0.01, 0.0115, 0.013, 0.015, 0.0175, 0.02, 0.0225, 0.025, 0.0275, 0.03, 0.035, 0.04, 0.045, 0.05, 0.0575, 0.065, 0.075, 0.0875),
    *_FROM_100_MS,
)
"""What engines are told apart by: no bucket is wider than a sixth of its lower bound, and each decade is divided alike.

An interpolated quantile of many chats is then within 5 % of the truth, where the logarithms of what they take have a
standard deviation of 0.2 or more. Buckets of a quarter, which are 15 fewer, are within 8 % there; of a ninth, which are
23 more, within 6 % at 0.05.
"""
_OF_TOKENS_TO_5_S = (
    *(0.005, 0.0055, 0.006, 0.0065, 0.007, 0.0075, 0.00825, 0.009),
    *(0.01, 0.011, 0.012, 0.013, 0.014, 0.015, 0.0165, 0.018, 0.02, 0.022, 0.024, 0.026, 0.028, 0.03, 0.033, 0.0365, 0.04, 0.044, 0.047),
    *(0.05, 0.055, 0.06, 0.065, 0.07, 0.075, 0.0825, 0.09),
    *_FROM_100_MS,
)
"""The same, and up to 100 ms a ninth: an engine takes nearly the same time for each token, so that they lie in few buckets."""

FIRST_TOKEN = Buckets(
    (*_TO_5_S, 7.5, 10, 15, 20, 30, 45, 60),
    "From a small model on an idle GPU (5 ms) to an engine whose queue eats the first-token timeout (30 s by default, 60 s for patient ones). "
    "Up to 5 s no bucket is wider than a sixth of its lower bound, and above that than a half, "
    "so that an interpolated quantile of chats that vary is off by up to 5 %.",
)
TOKEN = Buckets(
    (0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035, 0.004, 0.0045, *_OF_TOKENS_TO_5_S),
    "From 1,000 tokens a second (speculative decoding, several tokens a chunk) to a stream that has all but stopped. "
    "From 5 ms to 100 ms no bucket is wider than a ninth of its lower bound, and from there to 5 s than a sixth, "
    "so that an interpolated quantile is off by up to 5 %, even where tokens come as evenly as engines make them.",
)
WHOLE_CHAT = Buckets(
    (*_TO_5_S, 7.5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300),
    "From a one-word answer of a small model to long generations; 120 s is the default total timeout, and 300 s leaves room for longer ones. "
    "Up to 5 s no bucket is wider than a sixth of its lower bound, and above that than a half.",
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
