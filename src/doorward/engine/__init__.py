"""The POLICY ENGINE: `decide(request, snapshot, now)` and the remedies of a denial. Pure."""
