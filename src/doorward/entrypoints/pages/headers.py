"""The security headers of every page that doorward renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

ORIGIN_ISOLATION: Mapping[str, str] = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def content_security_policy(form_origins: Sequence[str] = ()) -> str:
    """The CSP of a page; `form_origins` are the foreign origins that its forms may reach.

    A form that is answered by a redirect needs the redirect's origin too: browsers check
    `form-action` on every hop.
    """
    forms = " ".join(("'self'", *form_origins))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
    )


def page_headers(form_origins: Sequence[str] = ()) -> dict[str, str]:
    """Every header of a rendered page, names in lower case. Pages are never cached."""
    return {
        "cache-control": "no-store",
        "content-security-policy": content_security_policy(form_origins),
        "content-type": "text/html; charset=utf-8",
        **ORIGIN_ISOLATION,
    }
