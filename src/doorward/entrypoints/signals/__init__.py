"""Shared Signals over HTTP: what receivers of our events call, and what transmitters call here.

Receivers of our events reach `app` at the host of a resource whose upstream is `signals`: the
gateway decides by the policies on it, and its assertion says who asks. The metadata is public.
"""
