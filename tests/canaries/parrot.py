"""A provider that repeats all it was told."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote

SHAPES = (
    "message", "code", "header", "malformed", "truncated", "credentials", "redirect", "html", "text", "nested",
    "success",
)  # fmt: skip


class Parrot(BaseHTTPRequestHandler):
    """Answers every request with what it knows, in some shape."""

    shape = "message"
    known: str = ""
    heard: int = 0

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        type(self).heard += 1
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        authorization = self.headers.get("Authorization", "")
        plain = b64decode(authorization.partition(" ")[2] or "").decode(errors="replace")
        told = f"{type(self).known} {body} {self.path} {authorization} {plain} {plain.partition(':')[2]}"
        status, headers, content = getattr(self, f"_{self.shape}")(" ".join(told.split()))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        longer = 100 if self.shape == "truncated" else 0
        self.send_header("Content-Length", str(len(content.encode()) + longer))
        self.end_headers()
        self.wfile.write(content.encode())
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer  # noqa: N815

    def _message(self, told: str) -> tuple[int, dict[str, str], str]:
        return 422, {}, json.dumps({"error": {"code": "invalid", "message": told}})

    def _code(self, told: str) -> tuple[int, dict[str, str], str]:
        return 422, {}, json.dumps({"errors": [{"code": told, "detail": told}]})

    def _header(self, told: str) -> tuple[int, dict[str, str], str]:
        ascii_only = told.encode("ascii", "ignore").decode()
        return 500, {"X-Echo": ascii_only, "Warning": ascii_only, "Set-Cookie": f"s={ascii_only}"}, "{}"

    def _malformed(self, told: str) -> tuple[int, dict[str, str], str]:
        return 200, {}, '{"data": {"x" ' + json.dumps(told)

    def _truncated(self, told: str) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"data": told})

    def _credentials(self, told: str) -> tuple[int, dict[str, str], str]:
        return 401, {"WWW-Authenticate": "Basic"}, json.dumps({"error": {"message": f"wrong: {told}"}})

    def _redirect(self, told: str) -> tuple[int, dict[str, str], str]:
        return 302, {"Location": f"https://example.com/a?name={quote(told)}"}, ""

    def _html(self, told: str) -> tuple[int, dict[str, str], str]:
        return 400, {"Content-Type": "text/html"}, f"<html><title>{told[:80]}</title>{told}</html>"

    def _text(self, told: str) -> tuple[int, dict[str, str], str]:
        return 400, {"Content-Type": "text/plain"}, told

    def _nested(self, told: str) -> tuple[int, dict[str, str], str]:
        return 400, {}, json.dumps({"detail": json.dumps({"cause": told})})

    def _success(self, told: str) -> tuple[int, dict[str, str], str]:
        return 200, {}, json.dumps({"id": "u1", "status": told, "message": told, "data": [{"note": told}], "total": 1})


@contextmanager
def parrot(known: str) -> Iterator[tuple[type[Parrot], str]]:
    made = type("Made", (Parrot,), {"known": known})
    with ThreadingHTTPServer(("127.0.0.1", 0), made) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
