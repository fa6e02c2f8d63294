"""The POLICY ADMINISTRATOR: one use case a file; it executes and records, and never decides.

`ports.py` says what it needs from the outside. Use cases are async functions whose first
argument is the `ControlPlane` and whose second is the `Act` (who does it, and when).
"""
