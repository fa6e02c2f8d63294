"""Notices about a person's account, and the further address at which they are told of it.

The further address is for notices and nothing else: it signs nobody in, recovers nothing, is no
identity and no fact for policies, and no invitation, link or code that lets in goes there.
"""
