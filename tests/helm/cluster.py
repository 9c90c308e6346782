"""What a chart renders for a cluster, by Helm's own engine, with no cluster."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import helm_python
import yaml
from helm_python import _native  # the public `install` and `render` have no place for what a cluster knows; the calls that they make have

from helm.reference import build
from helm.reference.build import HELM

NAMESPACE = "vllm-benchmark"

Json = dict[str, Any]


class _AsGo(yaml.CSafeLoader):
    """Reads plain texts as Helm and `kubectl` do: more of them are numbers and booleans than PyYAML takes for some."""

    bool_values: ClassVar = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}


_AsGo.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))
_AsGo.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), list("-+.0123456789"))


@dataclass(frozen=True, slots=True)
class Cluster:
    """`knows` are the API versions beside those of every Kubernetes."""

    name: str
    knows: tuple[str, ...]
    version: str = "v1.33.0"


KUBERNETES = Cluster("kubernetes", ())
OPENSHIFT = Cluster("openshift", ("route.openshift.io/v1", "monitoring.coreos.com/v1", "security.openshift.io/v1"))


@dataclass(frozen=True, slots=True)
class Rendered:
    """`objects` are installed. `hooks` run at certain times, like `helm test`."""

    objects: tuple[Json, ...]
    hooks: tuple[Json, ...]
    notes: str

    def one(self, kind: str) -> Json:
        """The only object of this kind."""
        (found,) = self.all(kind)
        return found

    def all(self, kind: str) -> list[Json]:
        return [each for each in self.objects if each["kind"] == kind]


def charts() -> list[str]:
    """Every chart that one can install, by its name."""
    return [folder.name for folder in build.charts()]


def examples(chart: str) -> list[str]:
    """The chart's example values: the names of the files in its `ci/`, without `-values.yaml`."""
    return sorted(file.name.removesuffix("-values.yaml") for file in (HELM / chart / "ci").glob("*-values.yaml"))


def example(chart: str, name: str) -> Json:
    values: Json | None = yaml.safe_load((HELM / chart / "ci" / f"{name}-values.yaml").read_text())
    return values or {}


def render(chart: str, values: Json, cluster: Cluster = OPENSHIFT, release: str = "bench", namespace: str = NAMESPACE) -> Rendered:
    """What `helm template` makes. Raises `helm_python.HelmError` where Helm, the schema or the chart refuses the values."""
    return _render(chart, json.dumps(values), cluster, release, namespace)


@functools.cache
def _render(chart: str, values: str, cluster: Cluster, release: str, namespace: str) -> Rendered:
    with helm_python.Chart.load(HELM / chart) as loaded:
        options = json.dumps({**_known(cluster, namespace), "name": release})
        texts: dict[str, str] = json.loads(_native.call_string("helm_render", loaded._raw(), values, options))
    notes = texts[f"{chart}/templates/NOTES.txt"]
    made = [each for path, text in texts.items() if not path.endswith("/NOTES.txt") for each in documents(text)]
    return Rendered(tuple(each for each in made if not _is_hook(each)), tuple(each for each in made if _is_hook(each)), notes)


def installed(chart: str, values: Json, cluster: Cluster = OPENSHIFT, release: str = "bench", namespace: str = NAMESPACE) -> tuple[list[Json], str]:
    """The objects that `helm install` would send, and its notes: those of `render`, in twice the time."""
    options = json.dumps({**_known(cluster, namespace), "dry_run": "client"})
    with helm_python.Chart.load(HELM / chart) as loaded, helm_python.Config(namespace=namespace, storage_driver="memory") as config:
        arguments = (config._raw(), _native.HANDLE(0), loaded._raw(), None, release, json.dumps(values), options)
        told: Json = json.loads(_native.call_string("helm_install", *arguments))
    return documents(told["manifest"]), told["notes"]


def _known(cluster: Cluster, namespace: str) -> Json:
    return {"namespace": namespace, "api_versions": cluster.knows, "kube_version": cluster.version}


def documents(text: str) -> list[Json]:
    """The objects in a text of YAML, as Kubernetes reads them."""
    return [each for each in yaml.load_all(text, _AsGo) if isinstance(each, dict)]


def _is_hook(document: Json) -> bool:
    return "helm.sh/hook" in document.get("metadata", {}).get("annotations", {})
