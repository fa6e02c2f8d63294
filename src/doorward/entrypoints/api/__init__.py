"""The JSON API under `/api/v1`: for the operator's Unix socket and, through the gateway, for all.

Each route turns HTTP into one use case or one look at the snapshot. Who may read or write is not
decided here: the policies on the console's resource decide it at the gateway.
"""
