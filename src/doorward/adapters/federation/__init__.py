"""HTTP to other OpenID Connect providers, and the signatures of what they say.

What a document or a token must say is not known here: see `administrator.federation`.
"""
