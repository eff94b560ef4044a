"""An application that answers what it is told, behind middlewares of one colour, and a server that speaks to it."""

import asyncio
import io
import sys
from dataclasses import dataclass, field

from perf.http.sites import Answer, Reply

FACES = ("asgi", "wsgi")


@dataclass
class Asked:
    """One request as the application sees it; `got` is what its client has been given so far."""

    method: str
    path: str
    headers: dict
    read: object
    state: object
    got: list = field(default_factory=list)


class Stack:
    """`reply` is a Reply, or a function from an Asked to one; `layers` are (asgi, wsgi, options), the outermost first.

    What the application raises comes out of `ask`, as it would reach a server.
    """

    def __init__(self, face, reply, *layers):
        self.face = face
        self.reply = reply
        self.asked = []
        self.app = self._asgi if face == "asgi" else self._wsgi
        for asgi, wsgi, options in reversed(layers):
            self.app = (asgi if face == "asgi" else wsgi)(self.app, **options)

    def ask(self, path="/", headers=(), method="GET", body=(), **more):
        """Send a request; `body` are the chunks that come one after another, without a Content-Length of their own."""
        sent = list(headers.items() if isinstance(headers, dict) else headers)
        send = self._over_asgi if self.face == "asgi" else self._over_wsgi
        return send(path, sent, method, list(body), more)

    def _answered(self, asked):
        self.asked.append(asked)
        return self.reply(asked) if callable(self.reply) else self.reply

    # ASGI

    def _over_asgi(self, path, sent, method, body, more):
        pairs, got, messages = [], [], []
        inputs = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in body]
        inputs.append({"type": "http.request", "body": b"", "more_body": False})
        self.got, self.messages, self.taken = got, messages, 0

        async def receive():
            self.taken += 1
            return inputs.pop(0) if inputs else {"type": "http.disconnect"}

        async def send(message):
            messages.append(message)
            if message["type"] == "http.response.start":
                pairs.extend((name.decode(), value.decode("latin-1")) for name, value in message["headers"])
            elif message.get("body"):
                got.append(message["body"])

        scope = {
            "type": "http",
            "http_version": more.get("http_version", "1.1"),
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": more.get("scheme", "http"),
            "client": (more.get("client", "203.0.113.7"), 1),
            "server": ("shop.example", 80),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent],
            **more.get("scope", {}),
        }
        self.scope = scope
        asyncio.run(self.app(scope, receive, send))
        status = next((each["status"] for each in messages if each["type"] == "http.response.start"), 0)
        return Answer(status, pairs, got)

    async def _asgi(self, scope, receive, send):
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}

        async def read():
            body = b""
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ConnectionError("the client has gone")
                body += message.get("body", b"")
                if not message.get("more_body"):
                    return body

        asked = Asked(scope["method"], scope["path"], headers, read, scope, self.got)
        reply = self._answered(asked)
        if hasattr(reply, "__await__"):
            reply = await reply
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for number, chunk in enumerate(reply.chunks, 1):
            data = chunk() if callable(chunk) else chunk
            await send({"type": "http.response.body", "body": data, "more_body": number < len(reply.chunks)})

    # WSGI

    def _over_wsgi(self, path, sent, method, body, more):
        line, pairs, got = [], [], []
        self.got = got

        def start_response(status, headers, exc_info=None):
            if exc_info is not None and got:
                raise exc_info[1]
            assert exc_info is not None or not line, "started twice"
            line[:], pairs[:] = [int(status[:3])], list(headers)
            return got.append

        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "shop.example",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": f"HTTP/{more.get('http_version', '1.1')}",
            "REMOTE_ADDR": more.get("client", "203.0.113.7"),
            "wsgi.url_scheme": more.get("scheme", "http"),
            "wsgi.input": io.BufferedReader(io.BytesIO(b"".join(body))),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            **more.get("environ", {}),
        }
        for name, value in sent:
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_LENGTH", "CONTENT_TYPE"} else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        self.environ = environ
        result = self.app(environ, start_response)
        try:
            for chunk in result:
                assert line, "a body without a start"
                if chunk:
                    got.append(chunk)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        return Answer(line[0], pairs, got)

    def _wsgi(self, environ, start_response):
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_") or key in {"CONTENT_LENGTH", "CONTENT_TYPE"}
        }
        read = environ["wsgi.input"].read
        asked = Asked(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers, read, environ, self.got)
        reply = self._answered(asked)
        start_response(f"{reply.status} Any", list(reply.headers))
        if isinstance(reply.body, bytes):
            return [reply.body]
        return (chunk() if callable(chunk) else chunk for chunk in reply.chunks)


__all__ = ["FACES", "Answer", "Asked", "Reply", "Stack"]
