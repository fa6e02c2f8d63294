"""Hosts that report by osquery: their enrolment, what they are asked, and what they answer.

A node key is a bearer secret, and results are unsigned: whatever comes this way is self-reported.
`facts/` says which query yields which fact.
"""
