"""Everything that `chatprobe alerts build` writes, by file name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from alerts.forms.alertmanager import alertmanager_yml
from alerts.forms.alertmanager_config import alertmanager_config_object
from alerts.forms.kubernetes import prometheus_rule
from alerts.forms.rules import document
from alerts.forms.sloth import spec
from alerts.forms.yaml import HEADER, dump
from alerts.notifications import NotificationsError
from alerts.rules import rules
from config.model import Config

OBJECT_NAME = "chatprobe"
"""Of the `AlertmanagerConfig`, and of the Secret that it reads."""


@dataclass(frozen=True, slots=True)
class Built:
    """The files by name, and what there is to say about them, a line each."""

    files: Mapping[str, str]
    notes: tuple[str, ...]


def build(config: Config) -> Built:
    """The files of a configuration. Raises `AlertsError`. What an `AlertmanagerConfig` cannot say is a note, and the file left out."""
    made, settings = rules(config), config.alerts
    files = {
        "recordings.rules.yaml": dump(document(made.recordings, settings)),
        "alerts.rules.yaml": dump(document(made.alerts, settings)),
        "prometheusrule.yaml": dump(prometheus_rule(made.groups, settings)),
    }
    if made.objectives:
        files["slos.rules.yaml"] = dump(document(made.slos, settings))
        files["sloth.yaml"] = dump(spec(made.objectives, settings))
    if settings.notify is None:
        return Built(files, made.notes)
    files["alertmanager.yaml"] = alertmanager_yml(config)
    try:
        files["alertmanagerconfig.yaml"] = dump(alertmanager_config_object(config, OBJECT_NAME))
    except NotificationsError as error:
        return Built(files, (*made.notes, f"alertmanagerconfig.yaml is left out: {error}"))
    return Built(files, made.notes)


OURS = ("*.rules.yaml", "prometheusrule.yaml", "sloth.yaml", "alertmanager.yaml", "alertmanagerconfig.yaml")
"""Names that `build` may write: what else it has written under one of them is left from before."""


def stale(built: Built, folder: Path) -> Iterator[str]:
    """What is different in a folder, a line for each file."""
    for name, text in built.files.items():
        try:
            there = (folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            yield f"{folder / name}: is missing"
            continue
        if there != text:
            yield f"{folder / name}: is stale"
    yield from (f"{path}: is left from before" for path in leftovers(built, folder))


def leftovers(built: Built, folder: Path) -> tuple[Path, ...]:
    """Files of an earlier build that this one does not write."""
    found = {path for pattern in OURS for path in folder.glob(pattern) if path.name not in built.files}
    return tuple(sorted(path for path in found if _written_here(path)))


def _written_here(path: Path) -> bool:
    """Whether its first line says so: a file of somebody else's under such a name stays."""
    try:
        with path.open("rb") as file:
            return file.readline() == HEADER.encode()
    except OSError:
        return False
