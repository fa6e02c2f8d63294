"""doorward: a self-hosted zero trust platform.

Every request to every resource is decided on who asks, from what device, where, when, at what
risk, for data of what label, and is decided again the moment any of these changes.
"""

__version__ = "0.1.0"
