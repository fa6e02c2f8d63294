"""Shared Signals (SSF 1.0): telling others what happened here, and hearing what happened there.

`transmitting` sends events about people, sessions and devices; what others send is received
elsewhere. What messages look like is said in `protocol.signals`.
"""
