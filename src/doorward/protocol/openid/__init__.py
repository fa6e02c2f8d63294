"""What doorward says, as an OpenID Provider, to applications: requests, claims, errors. Pure.

OpenID Connect Core 1.0, OAuth 2.0 (RFC 6749) as RFC 9700 wants it: the code flow alone, with PKCE
(RFC 7636). It reads and writes values; who may sign in is the policy engine's to decide.
"""
