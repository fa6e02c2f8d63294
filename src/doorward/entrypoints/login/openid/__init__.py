"""The OpenID Provider's endpoints, at the sign-in host, which is the issuer.

`authorize` and `logout` are for browsers that applications send here; the others answer the
applications themselves, which bring no cookies. Thin, as the pages beside it: what a request means
is `protocol.openid`'s, what comes of it `administrator.openid`'s.
"""
