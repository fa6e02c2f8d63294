"""`doorward control`: one process with the web listener, the operator's socket and the link."""
