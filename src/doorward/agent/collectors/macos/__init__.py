"""Facts of a Mac, from the commands that macOS brings."""
