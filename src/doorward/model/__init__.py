"""The nouns of doorward: frozen values that every layer shares.

Every document that a snapshot can hold is a frozen msgspec struct here. Nothing here decides,
reads a clock or does I/O.
"""
