"""The console: what is decided, why, and for whom; sessions, people, resources, the audit log.

Server-rendered pages at the console's host, itself a resource behind the gateway. Every act is a
plain form that works without scripts; htmx only keeps the live pages live. Nothing is decided
here: what a person may read or do, the policies on the console's resource say at the gateway.
"""
