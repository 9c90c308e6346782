"""What each engine's own numbers are under the names that all engines share: a file an engine. An engine with other names is one more file here."""
