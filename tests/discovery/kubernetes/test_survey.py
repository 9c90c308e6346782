"""What is looked at once, on a cluster whose API answers on a real socket."""

from __future__ import annotations

import pytest

from config.kubernetes import Kubernetes
from discovery.kubernetes.survey import Unknown, survey
from tests.cluster import objects as o
from tests.cluster.api import Cluster
from tests.discovery.kubernetes.conftest import Configured


def settings(configured: Configured) -> Kubernetes:
    found = configured().discovery.kubernetes
    assert found is not None
    return found


def test_a_cluster_with_routes_alone_is_no_openshift(cluster: Cluster, configured: Configured) -> None:
    cluster.put(o.route("vllm", "vllm"))
    found = survey(settings(configured))
    assert found.user_monitoring is None
    assert isinstance(found.routes, tuple)
    assert [route.meta.name for route in found.routes] == ["vllm"]


@pytest.mark.parametrize("group", ["config.openshift.io", "security.openshift.io"])
def test_a_cluster_with_a_group_of_openshifts_own_is_one(cluster: Cluster, configured: Configured, group: str) -> None:
    cluster.groups.add(group)
    assert survey(settings(configured)).user_monitoring is False
    cluster.put(o.monitoring(enabled=True))
    assert survey(settings(configured)).user_monitoring is True


def test_where_it_cannot_be_told_whether_it_is_openshift_that_is_said(cluster: Cluster, configured: Configured) -> None:
    cluster.fail("broken", "config.openshift.io")
    found = survey(settings(configured)).user_monitoring
    assert isinstance(found, Unknown)
    assert found.why == "the API server answered 500 for v1.config.openshift.io in the whole cluster; look at its own health"
