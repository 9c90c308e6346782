"""Makes each chart's `values.schema.json` and the table of its README from its `values.yaml`, where each value is described once."""
