"""The directory: people and groups that another system provisions, as they are kept.

Each entry is kept as it was sent, for whoever provisions it. Here are the nouns, the conditions
that entries are looked up by, and the ports; what is done with them is in `provisioning`.
"""
