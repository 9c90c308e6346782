"""A `GrafanaDashboard` of the Grafana operator (grafana.integreatly.org/v1beta1).

The dashboard is packed, as a resource may not have more than about a megabyte, and the operator's status adds to it.
"""

from __future__ import annotations

import base64
import gzip

import yaml

from dashboards.forms.delivery import Delivery
from dashboards.forms.yaml import dump


def grafana_dashboard(uid: str, text: str, delivery: Delivery) -> str:
    """`instanceSelector` is required and cannot be changed; `allowCrossNamespaceImport` is left off, as it could not be turned off again."""
    return dump(
        {
            "apiVersion": "grafana.integreatly.org/v1beta1",
            "kind": "GrafanaDashboard",
            "metadata": {"name": uid},
            "spec": {
                "instanceSelector": {"matchLabels": dict(delivery.instance)},
                "folder": delivery.folder,
                "gzipJson": base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode(),
            },
        }
    )


def unpacked(written: str) -> object:
    """The resource with its dashboard as text: how it is packed differs between versions of zlib. Raises ValueError where it cannot be read."""
    try:
        resource = yaml.safe_load(written)
        packed = resource["spec"]["gzipJson"]
        resource["spec"]["gzipJson"] = gzip.decompress(base64.b64decode(packed)).decode()
    except (yaml.YAMLError, KeyError, TypeError, OSError, EOFError, ValueError) as error:
        raise ValueError(f"it is no GrafanaDashboard with gzipJson: {error}") from error
    return resource
