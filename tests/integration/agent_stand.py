"""The tests' own control plane for agents, at a port of this machine, with and without TLS."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from tests.fakes.agent_control import FakeControl


@contextmanager
def served(control: FakeControl, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve `control` on loopback while the context lasts; the port."""
    answer = control.transport().handler

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            request = httpx.Request(
                "POST", f"http://x{self.path}", headers=dict(self.headers), content=body
            )
            with suppress(httpx.TransportError):
                said = answer(request)
                assert isinstance(said, httpx.Response)
                self.send_response(said.status_code)
                self.send_header("content-length", str(len(said.content)))
                self.end_headers()
                self.wfile.write(said.content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that distrusts the server hangs up: that is what is tested."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
