"""What Shared Signals needs from the outside: calls to receivers."""
