"""The agent: what runs on a device, gives it its identity and reports its health.

It keeps the device's key, asks control for certificates and tells it facts. It decides nothing,
and knows of doorward what `protocol`, `model` and `errors` hold, nothing else.
"""
