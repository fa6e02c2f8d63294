"""The JSON API, over the operator's Unix socket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from doorward.errors import DoorwardError, EstateError, SourceError

_TIMEOUT_SECONDS = 30.0


class ApiClient:
    """Asks the control plane behind `socket`; paths are those below `/api/v1`.

    Every answer is parsed JSON. Raises the DoorwardError that the API answered, or
    `control-unreachable` where nothing answers.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._http = httpx.Client(
            base_url="http://doorward/api/v1",
            transport=httpx.HTTPTransport(uds=str(socket)),
            timeout=_TIMEOUT_SECONDS,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **parameters: str | int | None) -> Any:  # noqa: ANN401 - JSON
        """Look; parameters that are None are left out."""
        return self._ask("GET", path, parameters=parameters)

    def post(self, path: str, body: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Make or do."""
        return self._ask("POST", path, body=body or {})

    def put(self, path: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
        """Set."""
        return self._ask("PUT", path, body=body)

    def delete(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Remove or end."""
        return self._ask("DELETE", path)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str | int | None] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON
        given = {key: value for key, value in (parameters or {}).items() if value is not None}
        try:
            answer = self._http.request(method, path, params=given, json=body)
            content = answer.json()
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise DoorwardError(
                "control-unreachable",
                f"No control plane answers at {self._socket}.",
                "Start it with `doorward up`, or name its data folder with --data.",
            ) from error
        if answer.is_error:
            raise _error(content)
        return content


def _error(problem: Mapping[str, Any]) -> DoorwardError:
    if problem.get("errors"):
        return EstateError(_source_error(error) for error in problem["errors"])
    return DoorwardError(problem["code"], problem["detail"], problem.get("remedy", ""))


def _source_error(problem: Mapping[str, Any]) -> SourceError:
    return SourceError(
        problem["code"],
        problem["detail"],
        problem.get("remedy", ""),
        file=problem["file"],
        line=problem["line"],
    )
