"""Coming back without any way to sign in: a second person vouches.

The person asks in a browser and reads a short code to somebody who administers people. That one
makes sure by voice, by video or in person who is speaking, types the code, and approves. Only
that browser goes on, and only to register a new way in. Nothing here says whether a name exists.
"""
