"""Compiles a snapshot into Envoy configuration: listeners, clusters, routes. Pure."""
