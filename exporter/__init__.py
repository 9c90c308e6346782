"""The long-running process: metrics and the endpoints that serve them."""
