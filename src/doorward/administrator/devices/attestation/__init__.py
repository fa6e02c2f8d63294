"""Attestation: a TPM of a trusted maker keeps the device's key, and quotes how it booted.

Rules are pure and stand one set a file: `verify_evidence`, `verify_quote`, `measurements`. What
was proved at enrolment, what was measured then and what is measured now is one record a device.
"""
