"""Grafana dashboards as code: one file a dashboard, written as a page of content."""
