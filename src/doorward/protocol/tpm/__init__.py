"""What a TPM 2.0 says, read and checked without one (Trusted Computing Group, Library 1.59).

Pure functions on bytes: public areas, attestations and signatures, and the credential that only
one TPM can activate. It speaks to no TPM; the agent does. Whatever is malformed is a
`TpmDataError` and nothing else.
"""
