"""`/api/v1`: what scripts ask, as JSON."""
