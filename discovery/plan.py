"""The targets that a configuration asks for, ready to be chatted with.

They are its own, those that files say, and those that are found in a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from config.model import Config, Discovery
from config.secrets import Secrets
from discovery.files import FILES, NAMES_SHOWN, NOTHING, Discovered, few, look, paths
from discovery.kubernetes.discovery import NOTHING_SEEN, Seen
from discovery.kubernetes.enrolling import KUBERNETES, NOBODY, Enrolled, enrolled, lines
from traffic.roster import Member, Roster, enlist
from traffic.sharding import ALL, Part


@dataclass(frozen=True, slots=True)
class Idle:
    """What discovery has to no avail: patterns that match no file now, and names of targets that no scenario is for."""

    patterns: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """What there is to say of it, and what would help."""
        for pattern in self.patterns:
            yield f"discovery.files: {pattern} matches no file now; mend it, unless the file is to come later"
        if self.targets:
            yield f"discovered, and in no scenario: {few(self.targets)}; name them in targets of one, or leave its targets out"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a configuration asks for, ready to be put in force: nothing about it can fail any more.

    `roster` has the targets that are this process's. `own`, `files` and `cluster` are all targets, whichever process
    chats with them: those that the configuration names, and those that were discovered. `enrolment` is what became of
    each engine that was found in the cluster.
    """

    roster: Roster
    secrets: Secrets
    own: Mapping[str, Member]
    files: Discovered
    cluster: Discovered = NOTHING
    enrolment: Enrolled = NOBODY
    idle: Idle = Idle()

    @property
    def config(self) -> Config:
        return self.roster.config

    @property
    def sources(self) -> Mapping[str, Discovered]:
        """What was discovered, by source."""
        return {FILES: self.files, KUBERNETES: self.cluster}

    def with_files(self, seen: Seen, part: Part) -> Plan:
        """The plan with the files of targets read again, and with what is seen in the cluster now.

        Secrets that were read are not read again. Blocks. Raises `config.secrets.SecretError`.
        """
        files = look(self.config, self.secrets, self.files)
        return replace(self, files=files, idle=Idle(idle_patterns(self.config))).with_engines(seen, part)

    def with_engines(self, seen: Seen, part: Part) -> Plan:
        """The plan with what is seen in the cluster now. `part` is which part of all targets is this process's.

        What has not changed is not read, matched or built again. Secrets are read of credentials that come into use.
        Blocks. Raises `config.secrets.SecretError`.
        """
        config = self.config
        enrolment = enrolled(config, self.secrets, self.files.members, seen.engines, self.enrolment)
        discovered = {**self.files.members, **enrolment.members}
        return replace(
            self,
            roster=part.of(Roster(config, {**self.own, **discovered})),
            cluster=NOTHING if config.discovery.kubernetes is None else _cluster(seen, enrolment),
            enrolment=enrolment,
            idle=replace(self.idle, targets=idle_targets(config, discovered)),
        )


def plan(config: Config, *, before: Discovered = NOTHING, seen: Seen = NOTHING_SEEN, part: Part = ALL) -> Plan:
    """Read the files of targets and all secrets that are in use, and match all credentials.

    What files said `before` stands where they cannot be read now. `seen` is what was found in the cluster. `part` is
    which part of all targets is this process's. Blocks. Raises `config.secrets.SecretError`.
    """
    secrets = Secrets()
    own = {name: enlist(name, target, secrets) for name, target in config.targets.items()}
    files = look(config, secrets, before)
    return Plan(Roster(config, {}), secrets, own, files, idle=Idle(idle_patterns(config))).with_engines(seen, part)


def _cluster(seen: Seen, enrolment: Enrolled) -> Discovered:
    passed_over = tuple(lines((*seen.passed_over, *enrolment.passed_over), NAMES_SHOWN))
    return Discovered(seen.looked, enrolment.members, tuple(f"{KUBERNETES}: {problem}" for problem in seen.problems), passed_over)


def idle_patterns(config: Config) -> tuple[str, ...]:
    """The patterns that match no file now. Blocks."""
    alone = ((pattern, config.model_copy(update={"discovery": Discovery(files=(pattern,))})) for pattern in config.discovery.files)
    return tuple(pattern for pattern, one in alone if not any(paths(one)))


def idle_targets(config: Config, names: Iterable[str]) -> tuple[str, ...]:
    """Those of discovered targets that no scenario is for."""
    return tuple(name for name in names if not any(scenario.covers(name) for scenario in config.scenarios.values()))
