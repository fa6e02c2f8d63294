"""The use cases of the OpenID Provider: authorize, token, userinfo, revoke, logout, keys.

They keep codes, tokens, sign-ins to clients and signing keys, and tell clients of a logout. Whether
a person may sign in to a client is asked of the policy engine (`decisions`) each time that tokens
are given; how requests and claims look is `protocol.openid`'s. They know nothing of HTTP.
"""
