"""The lean process behind `doorward up`: keeps others running, and does nothing else.

It imports the standard library and one adapter only: it stays in memory as long as doorward runs.
"""
