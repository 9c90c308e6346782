"""What one configuration changes in another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from config.model import Config

_RESTART = frozenset({"web.listen", "metrics.native_histograms"})


@dataclass(frozen=True, slots=True)
class Changes:
    """Names, in the order in which they stand in the configuration. `settings_changed` are keys like `limits.streams`, `needs_restart` such that
    only a restart puts in force.
    """

    targets_added: tuple[str, ...] = ()
    targets_removed: tuple[str, ...] = ()
    targets_changed: tuple[str, ...] = ()
    scenarios_added: tuple[str, ...] = ()
    scenarios_removed: tuple[str, ...] = ()
    scenarios_changed: tuple[str, ...] = ()
    slos_added: tuple[str, ...] = ()
    slos_removed: tuple[str, ...] = ()
    slos_changed: tuple[str, ...] = ()
    settings_changed: tuple[str, ...] = ()
    needs_restart: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """For people, a line for each kind of change; none where nothing changes."""
        for what, added, removed, changed in (
            ("targets", self.targets_added, self.targets_removed, self.targets_changed),
            ("scenarios", self.scenarios_added, self.scenarios_removed, self.scenarios_changed),
            ("slos", self.slos_added, self.slos_removed, self.slos_changed),
            ("settings", (), (), self.settings_changed),
        ):
            for became, names in (("added", added), ("removed", removed), ("changed", changed)):
                if names:
                    yield f"{what} {became}: {', '.join(names)}"
        if self.needs_restart:
            yield f"needs a restart: {', '.join(self.needs_restart)}"


def changes(old: Config, new: Config) -> Changes:
    """What `new` changes where `old` is in force."""
    targets, scenarios, slos = (
        _compare(before, after) for before, after in ((old.targets, new.targets), (old.scenarios, new.scenarios), (old.slos, new.slos))
    )
    before, after = _settings(old), _settings(new)
    changed = tuple(key for key in after if before[key] != after[key])
    return Changes(
        *targets,
        *scenarios,
        *slos,
        settings_changed=tuple(key for key in changed if key not in _RESTART),
        needs_restart=tuple(key for key in changed if key in _RESTART),
    )


def _compare(old: Mapping[str, object], new: Mapping[str, object]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The names that are added, removed and changed."""
    added = tuple(name for name in new if name not in old)
    removed = tuple(name for name in old if name not in new)
    return added, removed, tuple(name for name in new if name in old and new[name] != old[name])


def _settings(config: Config) -> dict[str, object]:
    """All settings that are in none of the sections of names, by their keys."""
    settings: dict[str, object] = {}
    for name in ("web", "discovery", "limits", "native", "metrics", "history", "bench", "alerts"):
        section = getattr(config, name)
        settings |= {f"{name}.{field.alias or key}": getattr(section, key) for key, field in type(section).model_fields.items()}
    return settings | {"credentials": config.credentials, "workers": config.workers, "secret_dirs": config.secret_dirs}
