"""Where targets come from: the configuration, files, and a cluster."""
