"""Engines in Kubernetes and OpenShift: which there are, which way leads to each, and how to find out without harm."""
