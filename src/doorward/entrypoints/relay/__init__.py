"""Carries upgraded connections (WebSocket) between Envoy and upstreams, and cuts them.

A stream exists only after an allow of ext_authz, and only as long as the answer stays so.
"""
