"""What osquery is asked, and how its answers become facts.

A reader is a pure function from the rows of one query to a value or `Unknown` for each fact. What
osquery cannot tell is unknown: it never passes a check. Column names are those of osquery's own
schema (its `specs/`).
"""
