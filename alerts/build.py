"""Everything that `chatprobe alerts build` writes, by file name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alerts.forms.alertmanager import alertmanager_yml
from alerts.forms.alertmanager_config import alertmanager_config_object
from alerts.forms.form import Form
from alerts.forms.kubernetes import prometheus_rule
from alerts.forms.rules import document
from alerts.forms.sloth import SlothError, spec
from alerts.forms.yaml import HEADER, dump
from alerts.notifications import NotificationsError
from alerts.rules import AlertsError, Rules, rules
from config.model import Config

OBJECT_NAME = "chatprobe"
"""Of the `AlertmanagerConfig`, and of the Secret that it reads."""


@dataclass(frozen=True, slots=True)
class Built:
    """The files by name, the forms that were asked for, and what there is to say, a line each."""

    files: Mapping[str, str]
    forms: tuple[Form, ...]
    notes: tuple[str, ...]


def build(config: Config, forms: Sequence[Form] = ()) -> Built:
    """The files of a configuration in these forms. None given: in all that it has something for; what one of them cannot say is a note, and the
    file left out.

    Raises `AlertsError`, also where a given form has nothing to say or cannot say it.
    """
    made = rules(config)
    files: dict[str, str] = {}
    notes = [*made.notes]
    for form in forms or _with_content(made, config):
        try:
            files |= _files(form, made, config)
        except (NotificationsError, SlothError) as error:
            if forms:
                raise AlertsError((str(error),)) from error
            notes.append(f"{form}.yaml is left out: {error}")
    return Built(files, tuple(forms) or tuple(Form), tuple(notes))


def _with_content(made: Rules, config: Config) -> Iterator[Form]:
    yield from (Form.RULES, Form.PROMETHEUS_RULE)
    if made.objectives:
        yield Form.SLOTH
    if config.alerts.notify is not None:
        yield from (Form.ALERTMANAGER, Form.ALERTMANAGER_CONFIG)


def _files(form: Form, made: Rules, config: Config) -> dict[str, str]:
    match form:
        case Form.RULES:
            groups = {"recordings": made.recordings, "alerts": made.alerts} | ({"slos": made.slos} if made.objectives else {})
            return {f"{name}.rules.yaml": dump(document(each, config.alerts)) for name, each in groups.items()}
        case Form.PROMETHEUS_RULE:
            text = dump(prometheus_rule(made.groups, config.alerts))
        case Form.SLOTH:
            if not made.objectives:
                raise AlertsError(("slos: is missing, and Sloth makes rules of SLOs alone; write one, or leave its form out",))
            text = dump(spec(made.objectives, config.alerts))
        case Form.ALERTMANAGER:
            text = alertmanager_yml(config)
        case Form.ALERTMANAGER_CONFIG:
            text = dump(alertmanager_config_object(config, OBJECT_NAME))
    return {f"{form}.yaml": text}


def stale(built: Built, folder: Path) -> Iterator[str]:
    """What is different in a folder, a line for each file."""
    for name, text in built.files.items():
        try:
            if (folder / name).read_bytes() != text.encode():
                yield f"{folder / name}: is stale"
        except FileNotFoundError:
            yield f"{folder / name}: is missing"
        except OSError as error:
            yield f"{folder / name}: cannot be read: {error.strerror}; change its owner or its mode, or name another folder with --output"
    yield from (f"{path}: is left from before" for path in leftovers(built, folder))


def leftovers(built: Built, folder: Path) -> tuple[Path, ...]:
    """Files of an earlier build, in the same forms, that this one does not write."""
    found = {path for form in built.forms for path in folder.glob(form.pattern) if path.name not in built.files}
    return tuple(sorted(path for path in found if _written_here(path)))


def _written_here(path: Path) -> bool:
    """Whether its first line says so: a file of somebody else's under such a name stays."""
    try:
        with path.open("rb") as file:
            return file.readline() == HEADER.encode()
    except OSError:
        return False
