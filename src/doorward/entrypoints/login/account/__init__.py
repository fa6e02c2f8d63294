"""A person's own pages at `/account` on the sign-in host: what is theirs, in plain words.

Everything is read for, and done to, whoever is signed in and nobody else: no page takes a
person's id. A feature adds a row to `sections.SECTIONS`, its routes to `routes.account_routes`,
its sentences to `notices`, and what a person should know of to `concerns.CONCERNS`.
"""
