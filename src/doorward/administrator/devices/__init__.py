"""Acts on devices: enrolling them, taking their messages, and what follows from these.

What policies see of a device is its document in the snapshot, which changes only where a
conclusion does. Everything else is in the tables of `administrator/fleet/`.
"""
