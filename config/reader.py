"""From files to a configuration, or to everything that is wrong with them at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.advice import advise
from config.endings import taken_off
from config.files import settle
from config.model import Config
from config.placeholders import placeholders
from config.places import Value, bytes_of, overlay, read_yaml
from config.problems import ConfigError, KeyPath, Problem, write_path
from config.renamed import renamed
from config.wording import consequences, in_words

VARIABLE = "CHATPROBE_CONFIG"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, what there is to say about it, and the files that it was read from."""

    config: Config
    warnings: tuple[Problem, ...]
    files: tuple[Path, ...]


def find(given: Sequence[Path] = (), environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The files to read: those that are given, else the first that is found where configurations are looked for.

    Raises `ConfigError` if there is none.
    """
    if given:
        return tuple(given)
    if named := environ.get(VARIABLE):
        return (Path(named),)
    places = _usual_places(environ)
    for place in places:
        if place.is_file():
            return (place,)
    looked = f"--config, ${VARIABLE}, {', '.join(map(str, places))}"
    raise ConfigError(
        [Problem("chatprobe", None, None, "", f"there is no configuration; looked at {looked}; `chatprobe init` writes one to start from")]
    )


def _usual_places(environ: Mapping[str, str]) -> tuple[Path, ...]:
    home = environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")  # noqa: PTH111 (Path.expanduser raises where there is no home)
    return Path("chatprobe.yaml"), Path(home) / "chatprobe" / "chatprobe.yaml", Path("/etc/chatprobe/chatprobe.yaml")


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a configuration that comes from no file. `name` stands for one in messages."""

    name: str
    text: str

    def __str__(self) -> str:
        return self.name


def read(files: Sequence[Path], environ: Mapping[str, str] = os.environ, *, below: Sequence[Text] = (), above: Sequence[Text] = ()) -> Loaded:
    """The configuration of these files, later ones laid over earlier ones. Raises `ConfigError`.

    It is laid over the texts `below` it, and those `above` are laid over it.
    """
    sources: list[Value] = []
    found: list[Problem] = []
    unreadable = False
    layers: list[Path | Text] = [*below, *files, *above]
    for layer in layers:
        try:
            content = layer.text.encode(errors="surrogatepass") if isinstance(layer, Text) else bytes_of(layer)
            source, problems = read_yaml(content, str(layer))
            sources.append(source)
            found += problems
        except ConfigError as error:
            unreadable = True
            found += error.problems
    if unreadable:
        raise ConfigError(found)
    return _load(sources, files, found, environ, [str(layer) for layer in layers])


def parse(text: str, file: str = "chatprobe.yaml", environ: Mapping[str, str] = os.environ) -> Loaded:
    """The configuration that `text` holds; `file` is its name in messages, and what relative paths start from. Raises `ConfigError`."""
    source, problems = read_yaml(text.encode(errors="surrogatepass"), file)
    return _load([source], [Path(file)], problems, environ, [file])


def _load(sources: Sequence[Value], files: Sequence[Path], earlier: Sequence[Problem], environ: Mapping[str, str], names: Sequence[str]) -> Loaded:
    """`names` are those of the sources, in the order in which their problems are told; secrets may lie beside the files alone."""
    for source in sources:
        if not isinstance(source.content, dict):
            raise ConfigError([*earlier, _problem(source, (), "is no map of sections; write targets: and scenarios: at the left margin")])
    root = reduce(overlay, sources)
    data = root.plain()
    open_places = dict(placeholders(data))
    settled = settle(
        data,
        folder_of=lambda path: Path(root.at(path).place.file).parent,
        beside=[file.parent for file in files],
        secret_dirs=_secret_dirs(data),
        environ=environ,
    )
    found = [*earlier, *(_problem(root, path, text) for path, text in open_places.items())]
    found += [_problem(root, path, text) for path, text in settled if path not in open_places]
    try:
        config = Config.model_validate(data)
    except ValidationError as invalid:
        errors = [error for error in invalid.errors(include_input=False, include_url=False) if error["loc"] not in open_places]
        found += _in_place(root, errors)
    if found:
        # said with the errors, as it is mended with them
        found += [_problem(root, path, text) for path, text in taken_off(data) if path not in open_places]
        order = {name: index for index, name in enumerate(names)}
        raise ConfigError(sorted(dict.fromkeys(found), key=lambda problem: (order[problem.file], problem.line or 0, problem.column or 0)))
    return Loaded(config, tuple(_problem(root, path, text) for path, text in (*taken_off(data), *renamed(data), *advise(config))), tuple(files))


def _secret_dirs(data: Mapping[str, object]) -> Iterable[str]:
    written = data.get("secret_dirs")
    if isinstance(written, list):
        return [folder for folder in written if isinstance(folder, str) and folder.startswith("/")]
    default: tuple[str, ...] = Config.model_fields["secret_dirs"].default
    return default


def _in_place(root: Value, errors: Sequence[ErrorDetails]) -> Iterable[Problem]:
    implied = consequences(errors)
    for error in errors:
        path = error["loc"]
        if path in implied:
            continue
        about_key = path[-1:] == ("[key]",) or error["type"] == "extra_forbidden"
        path = path[:-1] if path[-1:] == ("[key]",) else path
        yield _problem(root, path, in_words(error, root.at(path)), at_key=about_key)


def _problem(root: Value, path: KeyPath, text: str, *, at_key: bool = False) -> Problem:
    """A problem with the value at `path`: its place, or its key's where it is about the key, or the value is empty or missing."""
    value = root.at(path)
    key_says_more = at_key or value.content is None or not root.holds(path)
    place = value.key if key_says_more else value.place
    return Problem(place.file, place.line, place.column, write_path(path), text)


def summary(config: Config) -> str:
    """What a configuration holds, in a few words: `3 targets, 2 scenarios, 1 SLO`."""
    counted = ((len(config.targets), "target"), (len(config.scenarios), "scenario"), (len(config.slos), "SLO"))
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counted)
