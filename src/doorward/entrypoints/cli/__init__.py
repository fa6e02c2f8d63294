"""The `doorward` command: one file a command. It starts processes and asks the control plane.

Commands decide nothing and open no store; whoever may use the operator's Unix socket may use them.
"""
