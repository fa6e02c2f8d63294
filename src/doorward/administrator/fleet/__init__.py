"""The fleet: what is kept of devices beside the snapshot, and the rules on it that need no store.

The acts on devices are in `administrator/devices/`.
"""
