"""From the texts of an estate's files to its documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from doorward.errors import EstateError, SourceError
from doorward.estate.file import EstateFile, read_file
from doorward.estate.problems import Problems
from doorward.estate.references import NOBODY, Declared, Provisioned, check_together
from doorward.model.estate import Policy
from doorward.model.snapshot import ESTATE_KINDS, Document, Kind
from doorward.policy import refuse_duplicates


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything that a folder declares: each kind's documents by id."""

    documents: Mapping[Kind, Mapping[str, Document]]


class EstateReader:
    """Reads estates one after another; a file that has not changed since the last is not read.

    It remembers one estate, the last, but for files with errors. What it answers is what
    `parse_estate` answers.
    """

    def __init__(self) -> None:
        # Replaced as a whole and never changed: several threads may read at once.
        self._last: Mapping[str, EstateFile] = {}

    def read(self, files: Mapping[str, str], others: Provisioned = NOBODY) -> Estate:
        """The estate that `files` (name to text, `.toml` and `.cedar`) declare beside `others`.

        Raises `EstateError` with every error found.
        """
        last = self._last
        accepted = _accepted(last.values())
        read: dict[str, EstateFile] = {}
        for name in sorted(files):
            known = last.get(name)
            if known is None or known.text != files[name]:
                known = read_file(name, files[name], accepted)
            read[name] = known
        self._last = {name: file for name, file in read.items() if not file.errors}
        return _together(read.values(), others)


def parse_estate(files: Mapping[str, str], others: Provisioned = NOBODY) -> Estate:
    """The estate that `files` (name to text, `.toml` and `.cedar`) declare beside `others`.

    Raises `EstateError` with every error found.
    """
    return EstateReader().read(files, others)


def _accepted(files: Iterable[EstateFile]) -> dict[str, Policy]:
    """The policies of files without an error, by their text."""
    return {policy.text: policy for file in files if not file.errors for policy in file.policies}


def _together(files: Iterable[EstateFile], others: Provisioned) -> Estate:
    everything = tuple(files)
    problems = Problems([error for file in everything for error in file.errors])
    declared = [item for file in everything for item in file.declared]
    policies = [policy for file in everything for policy in file.policies]
    if all(file.whole for file in everything):
        _check(declared, policies, problems, others)
    if problems.found:
        raise EstateError(problems.found)
    documents: dict[Kind, dict[str, Document]] = {kind: {} for kind in ESTATE_KINDS}
    for item in declared:
        documents[item.kind][item.document.id] = item.document
    documents["policy"] = {policy.id: policy for policy in policies}
    return Estate(documents)


def _check(
    declared: list[Declared], policies: list[Policy], problems: Problems, others: Provisioned
) -> None:
    check_together(declared, problems, others)
    try:
        refuse_duplicates(policies)
    except SourceError as error:
        problems.take(error)
