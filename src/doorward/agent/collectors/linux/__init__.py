"""Facts of a Linux device. Nothing here needs more than the tools that distributions bring."""
