"""The forms in which the same dashboards reach Grafana and OpenShift's console."""
