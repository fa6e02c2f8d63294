"""Estate files (TOML and `.cedar`) to documents, errors with file and line, and the plan. Pure."""
