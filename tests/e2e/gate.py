"""A gate before Odoo: it lets every call through, and tells a test of those that change something."""

import http.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

PASSED_ON = ("Authorization", "X-Odoo-Database", "Content-Type")
CALL_SECONDS = 60


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever called was killed."""


class Gate:
    """Stands at `url`. `on_change` is called as a call that changes something comes in, with its model and method."""

    def __init__(self, odoo_url: str) -> None:
        self.on_change: Callable[[str], None] = lambda _: None
        self._odoo = urlsplit(odoo_url).netloc
        self._turn = Lock()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is the library's
                pass

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                gate.tell(self.path)
                # Either end may be killed in the middle of it.
                with suppress(OSError, http.client.HTTPException):
                    self._answer(*gate.ask(self.command, self.path, body, dict(self.headers)))
                    return
                self.close_connection = True

            def _answer(self, status: int, content: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def tell(self, path: str) -> None:
        """Tell of a call, one at a time."""
        call = path.removeprefix("/json/2/")
        if call.rpartition("/")[2] in {"load", "create", "write", "unlink", "reconcile", "action_post"}:
            with self._turn:
                self.on_change(call)

    def ask(self, verb: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """Ask Odoo; return the status and the content of its answer."""
        connection = http.client.HTTPConnection(self._odoo, timeout=CALL_SECONDS)
        try:
            connection.request(verb, path, body, {key: headers[key] for key in PASSED_ON if key in headers})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def serve(self) -> None:
        """Serve until it is closed."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Let nothing through any more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def gate_before(odoo_url: str) -> Iterator[Gate]:
    """Run a gate for as long as the body runs."""
    gate = Gate(odoo_url)
    thread = Thread(target=gate.serve, daemon=True)
    thread.start()
    try:
        yield gate
    finally:
        gate.close()
        thread.join()
