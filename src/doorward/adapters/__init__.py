"""The outside world behind the ports: databases, processes, cryptography, clocks."""
