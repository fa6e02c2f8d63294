"""Receiving the security events of other systems (Shared Signals Framework 1.0) and acting on them.

What a transmitter says is believed within what the estate lets it say, and do. The events' form is
`protocol.signals`; sending doorward's own is done elsewhere.
"""
