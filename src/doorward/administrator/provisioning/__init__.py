"""Use cases of the directory: people and groups are added, changed and removed from outside.

Each is kept in the directory, and projected into the snapshot, which is all that decisions see,
in one transaction with its audit entry. Nothing here knows of SCIM's messages (`entrypoints.scim`
reads those) or says who may provision (policies on the directory's resource do).
"""
