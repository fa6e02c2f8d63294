"""Sign-in at `auth.DOMAIN`, and `/.doorward/` on every resource's host.

Thin: it reads requests, calls the sign-in use cases of `administrator`, and renders pages. Which
factor was wrong, whether a person exists, what a policy says: none of it is decided here.
"""

from doorward.entrypoints.login.application import app

__all__ = ["app"]
