"""What devices speak to: doorward's agent, and osquery. At the sign-in host, below own paths.

No cookie and no browser counts here: each message proves by itself whose it is.
"""
