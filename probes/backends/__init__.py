"""One small file an engine: request out, frames in."""
