"""Shared Signals on the wire: events, their subjects, the tokens that carry them, delivery.

It says what the messages are. Who makes, sends, receives or believes them is said elsewhere.
"""
