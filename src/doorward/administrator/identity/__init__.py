"""What identity verification is made of: evidence, cases, rules, records, and their tables.

Pure values and rules, after NIST SP 800-63A-4 and OpenID Identity Assurance; the acts on them are
`administrator.proofing`. Nothing here looks at a document or a face: people do.
"""
