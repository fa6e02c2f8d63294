"""Versioned messages between control plane, gateway and agent, and their framing.

Pure: turning bytes into messages and back, and the rules by which a replica accepts a frame.
Sockets are the adapters' and entrypoints' business.
"""
