"""Thin edges: each turns its own protocol into use cases and decisions, and back."""
