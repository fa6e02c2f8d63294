"""The device's TPM 2.0: it keeps the enrolled key, vouches for it, and quotes the measured boot.

Commands go to the TPM as bytes, without a TSS (docs/adr/0016). Each act has a connection of its
own and leaves no session and no transient object behind. It never starts up, shuts down or clears
the TPM, and changes nothing but the two keys that it makes.
"""
