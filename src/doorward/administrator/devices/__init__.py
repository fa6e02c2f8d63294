"""Devices: how they are enrolled, what they report, and what follows from it.

What policies see of a device is its document in the snapshot, which changes only where a
conclusion does. Everything else is in tables beside it.
"""
