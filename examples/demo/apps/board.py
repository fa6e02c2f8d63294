"""The board: whoever has it open sees every new line at once, over a WebSocket."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

MAX_LINE = 500
KEPT_LINES = 50

lines: deque[dict[str, str]] = deque(maxlen=KEPT_LINES)
readers: set[WebSocket] = set()


async def whoami(request: Request) -> JSONResponse:
    """Who the gateway says is asking."""
    return JSONResponse(
        {"user": request.headers.get("doorward-user"), "name": request.headers.get("doorward-name")}
    )


async def live(socket: WebSocket) -> None:
    """Send what was written, then every line as it comes; a text message is a new line."""
    await socket.accept()
    name = socket.headers.get("doorward-user", "somebody")
    readers.add(socket)
    try:
        for line in tuple(lines):
            await socket.send_json(line)
        while True:
            line = {"from": name, "text": (await socket.receive_text())[:MAX_LINE]}
            lines.append(line)
            for reader in tuple(readers):
                await reader.send_json(line)
    except WebSocketDisconnect:
        pass
    finally:
        readers.discard(socket)


application = Starlette(
    routes=[
        WebSocketRoute("/live", live),
        Route("/whoami", whoami),
        Mount("/", StaticFiles(directory=Path(__file__).parent / "board", html=True)),
    ]
)
