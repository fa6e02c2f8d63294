"""How use of sessions is heard and remembered (SP 800-63B-4, 2.2.3 and 2.3.3).

It stays in memory and is written about once a minute for all sessions together; it is no part of
the snapshot, whose every change would void tickets. `end_idle` ends what nobody uses.
"""
