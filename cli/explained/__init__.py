"""Everything that `chatprobe explain` can tell of, each with its one source: the catalogue, the rules, or a page."""
