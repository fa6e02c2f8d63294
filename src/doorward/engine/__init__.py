"""The POLICY ENGINE: `decide(request, prepared, now)` and the remedies of a denial. Pure.

It reads no clock, no network and no store: the enforcement point brings the request with every
outside fact looked up, and a `PreparedSnapshot` made by `prepare`. It executes nothing.
"""

from doorward.engine.classify import classify
from doorward.engine.decide import decide
from doorward.engine.prepared import PreparedSnapshot, prepare

__all__ = ["PreparedSnapshot", "classify", "decide", "prepare"]
