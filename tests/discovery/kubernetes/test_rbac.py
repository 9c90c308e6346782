"""The rights that the documentation grants are those that are listed in the code, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from discovery.kubernetes.kinds import KINDS, watched
from discovery.kubernetes.rbac import DISCOVERY, LEASE, VALIDATION, Right, needed
from tests.discovery.kubernetes.seeing import settings

PAGE = (Path(__file__).parents[3] / "docs" / "kubernetes.md").read_text(encoding="utf-8")
Granted = tuple[str, str, str, str]


def manifests() -> Iterator[dict[str, object]]:
    for block in PAGE.split("```yaml\n")[1:]:
        text = block.partition("```")[0]
        if "rbac.authorization.k8s.io" in text:
            yield from yaml.safe_load_all(text)


def granted(*names: str) -> set[Granted]:
    """Scope, group, resource and verb of these roles' rules."""
    return {
        ("cluster" if role["kind"] == "ClusterRole" else "namespace", group, resource, verb)
        for role in manifests()
        if role["kind"] in ("Role", "ClusterRole") and role["metadata"]["name"] in names  # type: ignore[index]
        for rule in role["rules"]  # type: ignore[attr-defined]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def listed(*rights: Right) -> set[Granted]:
    return {(right.scope, right.group, right.resource, verb) for right in rights for verb in right.verbs}


def test_discovery() -> None:
    assert granted("chatprobe-discovery", "chatprobe-nodes") == listed(*DISCOVERY)


def test_the_lease() -> None:
    assert granted("chatprobe-lease") == listed(*LEASE)
    (role,) = [each for each in manifests() if each["kind"] == "Role" and each["metadata"]["name"] == "chatprobe-lease"]  # type: ignore[index]
    named = {verb for rule in role["rules"] if rule.get("resourceNames") == ["chatprobe"] for verb in rule["verbs"]}  # type: ignore[attr-defined]
    assert named == {verb for right in LEASE if right.own for verb in right.verbs} == {"get", "update"}


def test_validation() -> None:
    beside = {place[1:] for place in listed(*VALIDATION)} - {place[1:] for place in listed(*DISCOVERY)}
    assert {place[1:] for place in granted("chatprobe-validate")} == beside | {("", "nodes", "list")}
    configmaps = next(rule for role in manifests() for rule in role.get("rules", ()) if rule["resources"] == ["configmaps"])  # type: ignore[attr-defined]
    assert configmaps["resourceNames"] == list(next(right.names for right in VALIDATION if right.resource == "configmaps"))


def test_every_binding_names_a_role_that_is_there() -> None:
    everything = list(manifests())
    roles = {(role["kind"], role["metadata"]["name"]) for role in everything}  # type: ignore[index]
    for binding in everything:
        if str(binding["kind"]).endswith("Binding"):
            assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) in roles  # type: ignore[index]


def test_nothing_may_be_written_or_read_that_is_secret() -> None:
    rights = (*DISCOVERY, *VALIDATION)
    assert {verb for right in rights for verb in right.verbs} == {"get", "list", "watch"}
    assert not {right.resource for right in (*rights, *LEASE)} & {"secrets", "pods/exec", "pods/log", "serviceaccounts", "configmaps/*"}


@pytest.mark.parametrize(("ways", "cluster_wide"), [(("route",), set()), (("nodeport",), {"nodes"}), (("service",), set())])
def test_what_is_not_preferred_needs_no_right(ways: tuple[str, ...], cluster_wide: set[str]) -> None:
    rights = needed(settings(prefer=ways).prefer)
    assert {right.resource for right in rights if right.scope == "cluster"} == cluster_wide
    assert {kind.plural for kind, _ in watched(settings(prefer=ways))} == {right.resource for right in rights}


def test_every_kind_that_is_watched_has_its_right() -> None:
    assert {(kind.group, kind.plural) for kind in KINDS} == {(right.group, right.resource) for right in DISCOVERY}
