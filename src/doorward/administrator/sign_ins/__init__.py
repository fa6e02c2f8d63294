"""The log of sign-ins that each person sees of their own, and what they can say of one.

It tells a person what happened under their name. What proves it to an auditor is the audit log,
which holds the same acts, hash-chained, and is never shortened.
"""
