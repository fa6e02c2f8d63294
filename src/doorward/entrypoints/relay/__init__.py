"""Carries what may last between Envoy and upstreams, and cuts it: WebSockets, and tunnels.

A tunnel holds one request and its answer, in bytes that nobody here reads.

A stream exists only after an allow of ext_authz, and only as long as the answer stays so.
"""
