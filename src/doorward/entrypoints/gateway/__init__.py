"""`doorward gateway`: the parent that supervises, and the decision process that decides.

The parent imports no more than it needs: it must stay small, and alive.
"""
