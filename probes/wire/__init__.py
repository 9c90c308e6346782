"""The measuring worker and the connection that stamps every read."""
