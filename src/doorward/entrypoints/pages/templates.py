"""Jinja templates: every value escaped, every missing value an error."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from doorward.entrypoints.pages.assets import asset
from doorward.entrypoints.pages.times import ago, day, iso, moment

_SHARED = Path(__file__).parent / "templates"


class Templates:
    """The templates of one entrypoint, which may extend and include the shared ones."""

    def __init__(self, *folders: Path) -> None:
        """`folders` are searched before the shared templates."""
        self._environment = Environment(
            loader=FileSystemLoader([*folders, _SHARED]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals["asset"] = asset
        self._environment.filters.update(ago=ago, day=day, iso=iso, moment=moment)

    def render(self, template: str, **values: object) -> str:
        """The page. Raises jinja2.UndefinedError where the template needs a value not given."""
        return self._environment.get_template(template).render(**values)


_shared = Templates()


def render(template: str, **values: object) -> str:
    """A shared template, such as `message.html`, as a page."""
    return _shared.render(template, **values)
