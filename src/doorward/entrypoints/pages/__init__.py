"""What every page of doorward shares: templates, stylesheet, security headers, plain words.

Rendering only: no routes, no state, no clock. Everything but `static` is free of web frameworks,
because the gateway's decision process renders the denied page too.
"""
