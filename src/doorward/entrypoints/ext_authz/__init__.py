"""Answers Envoy's question on every request: the decision point and its HTTP face.

Decides by the engine, records, and only then answers. It never opens a connection of its own.
"""
