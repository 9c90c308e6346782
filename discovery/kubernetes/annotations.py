"""What the owner of a Service says of it: whether it is an engine to chat with, which one, and at which port.

No annotation names a key or a file. So whoever may annotate a Service can have no key sent anywhere, and no file read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from discovery.kubernetes.objects import ENGINE_LABELS, OURS, WISHES, Meta
from probes import backends
from probes.backends.fields import proper_name

Probe = Literal["false", "best", "both"]


class AnnotationError(ValueError):
    """An annotation that cannot be followed. The text names it, and says what would be right."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the annotations say.

    None where they say nothing. `ignored` names annotations that are not taken from here.
    """

    probe: Probe | None
    backend: str | None
    model: str | None
    port: str | None
    ignored: tuple[str, ...]


def wishes(meta: Meta) -> Wishes:
    """Read the annotations, and the labels that usually name an engine.

    Raises `AnnotationError`, whose text repeats no value.
    """
    probe = _of(meta, "probe")
    if probe is not None and probe not in ("true", *get_args(Probe)):
        raise AnnotationError(f"annotation {OURS}probe is none of true, best, both and false")
    backend = _of(meta, "backend")
    if backend is not None and backend not in backends.names():
        raise AnnotationError(f"annotation {OURS}backend is none of {', '.join(backends.names())}")
    model = _of(meta, "model")
    if model is not None and not (model and proper_name(model)):
        raise AnnotationError(f"annotation {OURS}model is no name of a model: it is empty, too long, or not printable")
    return Wishes(
        probe={"true": "best", "best": "best", "both": "both", "false": "false"}.get(probe or ""),  # type: ignore[arg-type]
        backend=backend or _by_labels(meta.labels),
        model=model,
        port=_of(meta, "port"),
        ignored=tuple(sorted(key for key in meta.annotations if key.startswith(OURS) and key.removeprefix(OURS) not in WISHES)),
    )


def _of(meta: Meta, name: str) -> str | None:
    """The annotation of this name, or the label: a label can be selected by."""
    return meta.annotations.get(OURS + name, meta.labels.get(OURS + name))


def _by_labels(labels: Mapping[str, str]) -> str | None:
    meant = (backends.meant_by(labels.get(key, "")) for key in ENGINE_LABELS)
    return next(filter(None, meant), None)
