"""Sign-in by way of other OpenID Connect providers: doorward as relying party.

What a provider says is checked here, by pure functions on claims and documents, and turned into a
`Proof`, links and groups. HTTP and signatures are ports. People are never made here: a provider
speaks for people whom the estate or a directory declares.
"""
