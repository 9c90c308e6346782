"""Prometheus' protobuf exposition format. It is imported only where `metrics.native_histograms` is set: its library is not small."""
