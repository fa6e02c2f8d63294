"""The SCIM 2.0 server (RFC 7643, RFC 7644) at the host of a resource whose upstream is `scim`.

The messages are read and checked by `scim2-server`; what they do is in `administrator.directory`.
Who may provision is not decided here: the gateway decides by the policies on that resource, and
its assertion says who asks.
"""
