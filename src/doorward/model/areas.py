"""The areas of doorward's own console: parts that policies can tell apart.

One table says which paths belong to which area, for pages and for the API beside them. The
gateway reads it to decide (`engine.classify`, Envoy's routes), and the control plane to refuse an
endpoint of another area than the gateway decided on. Reading or writing the method says: GET,
HEAD and OPTIONS are `read`, everything else is `write`.

Evolution: an area is a word of policies, so a name may be added and never changed.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, get_args

Area = Literal[
    "overview",
    "decisions",
    "sessions",
    "audit",
    "people",
    "proofing",
    "recoveries",
    "devices",
    "estate",
    "applications",
    "providers",
    "tokens",
    "signals",
]
AREAS: Final[tuple[Area, ...]] = get_args(Area)
NO_AREA: Final = ""
"""Of a request to anything but the console, and of a path that could be read in two ways."""


class AreaRule(NamedTuple):
    """Paths of one area; `path` is written and compared as that of an `ActionRule`."""

    path: str
    area: Area


AREA_RULES: Final = (
    AreaRule("/", "overview"),
    AreaRule("/decisions/*", "decisions"),
    AreaRule("/sessions/*", "sessions"),
    AreaRule("/audit/*", "audit"),
    AreaRule("/people/*", "people"),
    AreaRule("/handover/*", "people"),
    AreaRule("/identity/verifiers/*", "people"),
    AreaRule("/identity/*", "proofing"),
    AreaRule("/recoveries/*", "recoveries"),
    AreaRule("/devices/*", "devices"),
    AreaRule("/resources/*", "estate"),
    AreaRule("/applications/*", "applications"),
    AreaRule("/client-sessions/*", "applications"),
    AreaRule("/providers/*", "providers"),
    AreaRule("/tokens/*", "tokens"),
    AreaRule("/signals/*", "signals"),
    AreaRule("/api/v1/status", "overview"),
    AreaRule("/api/v1/gateways", "overview"),
    AreaRule("/api/v1/openapi.json", "overview"),
    AreaRule("/api/v1/decisions/*", "decisions"),
    AreaRule("/api/v1/sessions/*", "sessions"),
    AreaRule("/api/v1/audit/*", "audit"),
    AreaRule("/api/v1/users/*", "people"),
    AreaRule("/api/v1/directory/*", "people"),
    AreaRule("/api/v1/handover/*", "people"),
    AreaRule("/api/v1/verifiers/*", "people"),
    AreaRule("/api/v1/proofing/*", "proofing"),
    AreaRule("/api/v1/verifications/*", "proofing"),
    AreaRule("/api/v1/recoveries/*", "recoveries"),
    AreaRule("/api/v1/devices/*", "devices"),
    AreaRule("/api/v1/osquery/*", "devices"),
    AreaRule("/api/v1/fleet/*", "devices"),
    AreaRule("/api/v1/compliance/*", "devices"),
    AreaRule("/api/v1/resources/*", "estate"),
    AreaRule("/api/v1/estate/*", "estate"),
    AreaRule("/api/v1/clients/*", "applications"),
    AreaRule("/api/v1/client-sessions/*", "applications"),
    AreaRule("/api/v1/signing-keys/*", "applications"),
    AreaRule("/api/v1/providers/*", "providers"),
    AreaRule("/api/v1/tokens/*", "tokens"),
    AreaRule("/api/v1/transmitters/*", "signals"),
    AreaRule("/api/v1/received-signals/*", "signals"),
    AreaRule("/api/v1/signals/*", "signals"),
)
"""The first that matches wins; a path of no rule is in no area, and nothing is there."""


def area_of(path: str) -> Area:
    """The area of an endpoint by its path, in lower case. Raises KeyError where no rule names it.

    For the control plane, which knows an endpoint by the path that it is routed by, with its
    parameters' names, and not by what a request spelt.
    """
    for rule in AREA_RULES:
        if under(rule.path, path):
            return rule.area
    raise KeyError(path)


def page_of(area: Area | Literal[""]) -> str:
    """The path of an area's first page; the root where there is no area."""
    found = (rule.path.removesuffix("/*") for rule in AREA_RULES if rule.area == area)
    return next(found, "/")


def under(pattern: str, path: str) -> bool:
    """Whether `path` is the pattern's exact path, or starts with the prefix of a `/prefix/*`."""
    if pattern.endswith("/*"):
        return path.startswith(pattern[:-1]) or path == pattern[:-2]
    return path == pattern
