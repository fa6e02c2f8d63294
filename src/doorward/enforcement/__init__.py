"""Compilers from a snapshot to what enforcement points read. Pure."""
