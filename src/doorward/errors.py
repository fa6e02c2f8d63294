"""The one error type of doorward. A denial is a value (`model.Deny`), never an error."""

from __future__ import annotations

from collections.abc import Iterable


class DoorwardError(Exception):
    """Something went wrong that a person can be told about.

    `code` is kebab-case, stable and documented in docs/reference/errors.md; `detail` is one
    sentence that is safe to show to anyone; `remedy` says what to do about it.
    """

    def __init__(self, code: str, detail: str, remedy: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.remedy = remedy


class SourceError(DoorwardError):
    """An error in a file that a person wrote; `file` and `line` (from 1) say where."""

    def __init__(self, code: str, detail: str, remedy: str, *, file: str, line: int) -> None:
        super().__init__(code, detail, remedy)
        self.file = file
        self.line = line


class EstateError(DoorwardError):
    """An estate that cannot be applied; `errors` says everything that is wrong with it."""

    def __init__(self, errors: Iterable[SourceError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.file, error.line)))
        count = len(self.errors)
        super().__init__(
            "estate-invalid",
            "The estate has an error." if count == 1 else f"The estate has {count} errors.",
            "Correct the files; nothing was applied.",
        )
