"""Ports in memory, for tests of what stands above them."""
