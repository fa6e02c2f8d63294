"""The real Envoy: its binary, how it is started, and its own word on a configuration.

It supervises nothing; the gateway's parent does.
"""
