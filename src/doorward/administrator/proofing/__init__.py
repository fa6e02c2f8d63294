"""The acts of identity verification: contacts, cases, verifications, and who may verify.

Every judgement about evidence is `administrator.identity.rules`; every judgement about a person
is a trained verifier's. Here it is recorded, audited, and made a fact for policies.
"""
