"""The transmitter: what changed becomes events, events wait in an outbox, receivers get them.

Events are written in the transaction of the change that they tell, so that none is lost and none
is told that did not happen; each is delivered at least once. Nothing is computed while there is
no stream.
"""
