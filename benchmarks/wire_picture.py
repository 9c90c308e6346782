"""The picture of `wire_truth`: how far each chat was off, against how far off it said that it may be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from benchmarks.wire_truth import BESIDE, Finding
from catalogue.look import SHADES
from probes.record import DOUBTFUL_ABOVE_SECONDS

COLOURS = dict(zip(BESIDE, (SHADES[name].light for name in ("blue", "red", "green", "purple", "orange")), strict=True))
MARKERS = dict(zip(BESIDE, "osD^v", strict=True))
LEAST_MS, MOST_MS = 0.001, 1000.0
"""What is smaller is drawn at the edge: logarithms have no zero."""
BACKGROUND, TEXT, GREY = "#ffffff", "#222222", "#5b6470"


def draw(findings: Sequence[Finding], path: Path) -> None:
    """Write a PNG with a panel each for plain connections and TLS, as far as either was measured."""
    sides = [(name, [one for one in findings if one.condition.tls is tls]) for name, tls in (("Plain", False), ("TLS", True))]
    sides = [(name, found) for name, found in sides if found]
    figure, row = plt.subplots(1, len(sides), figsize=(6.2 * len(sides), 5.6), squeeze=False, facecolor=BACKGROUND, layout="constrained")
    for axes, (name, found) in zip(row[0], sides, strict=True):
        panel(axes, name, found)
    handles, labels = max((axes.get_legend_handles_labels() for axes in row[0]), key=lambda one: len(one[1]))
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9, markerscale=2)
    figure.savefig(path, dpi=100, facecolor=BACKGROUND)
    plt.close(figure)


def panel(axes: Axes, name: str, findings: Sequence[Finding]) -> None:
    """One dot a chat. What is above the line is further off than it says."""
    doubtful_ms = DOUBTFUL_ABOVE_SECONDS * 1e3
    axes.axvspan(doubtful_ms, MOST_MS, color=GREY, alpha=0.1, linewidth=0)
    axes.text(doubtful_ms * 1.15, LEAST_MS * 1.3, "doubtful", fontsize=9, color=GREY)
    axes.plot([LEAST_MS, MOST_MS], [LEAST_MS, MOST_MS], color=TEXT, linewidth=1)
    axes.text(LEAST_MS * 8, LEAST_MS * 13, "as far off as it says", fontsize=9, color=TEXT, rotation=45, rotation_mode="anchor")
    for beside in BESIDE:
        chats = [chat for one in findings if one.condition.beside == beside for chat in one.chats]
        if chats:
            bounds, errors = ([max(LEAST_MS, value * 1e3) for value in values] for values in zip(*((c.bound, c.worst) for c in chats), strict=True))
            label = f"beside {BESIDE[beside].words}"
            axes.scatter(bounds, errors, s=7, c=COLOURS[beside], marker=MARKERS[beside], alpha=0.5, linewidths=0, label=label)
    axes.set(xscale="log", yscale="log", xlim=(LEAST_MS, MOST_MS), ylim=(LEAST_MS, MOST_MS), aspect="equal")
    axes.set_title(f"{name}: {sum(len(one.chats) for one in findings):,} chats", fontsize=11, color=TEXT)
    axes.set_xlabel("bound that the record states, ms", fontsize=9)
    axes.set_ylabel("largest true error of TTFT and ITL, ms", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color=GREY, alpha=0.2, linewidth=0.5)
