"""How each fact of `model.posture` is found, platform by platform.

A parser is a pure function from what a command printed to a value or `Unknown`; it answers
whatever text it is given. What fails or is not understood is unknown, never a value. Nothing here
changes the machine, and nothing judges: what a fact must be is for compliance policies to say.
"""
