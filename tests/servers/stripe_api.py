"""A small stand-in of Stripe's API on this machine: what the adapter uses of it, with idempotency keys that hold."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

DECLINED = "pm_card_visa_chargeDeclined"


class StripeApi:
    """PaymentIntents and refunds in memory. `calls` are (method, path, idempotency key) as they came.

    `hidden` hides intents from the search, as the real one does for a while; `broken` requests are answered with 500.
    """

    def __init__(self) -> None:
        self.intents: dict[str, dict[str, Any]] = {}
        self.refunds: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.hidden = False
        self.broken = 0
        self._answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, fields: dict[str, str], key: str) -> tuple[int, dict[str, Any]]:
        with self._lock:
            self.calls.append((method, path, key))
            if self.broken:
                self.broken -= 1
                return 500, {"error": {"type": "api_error", "message": "broken"}}
            if key and key in self._answers:
                return self._answers[key]
            made = self._do(method, path.removeprefix("/v1/").split("/"), fields)
            if key:
                self._answers[key] = made
            return made

    def _do(self, method: str, path: list[str], fields: dict[str, str]) -> tuple[int, dict[str, Any]]:  # noqa: PLR0911
        match method, path:
            case "POST", ["payment_intents"]:
                return self._create(fields)
            case "GET", ["payment_intents", "search"]:
                wanted = fields["query"].split("'")[3]
                found = [each for each in self.intents.values() if each["metadata"].get("mestres_key") == wanted]
                return 200, {"object": "search_result", "data": [] if self.hidden else found, "has_more": False}
            case "GET", ["payment_intents"]:
                return 200, {"object": "list", "data": list(self.intents.values())[::-1], "has_more": False}
            case "GET", ["payment_intents", intent_id]:
                return 200, self.intents[intent_id]
            case "POST", ["payment_intents", intent_id, "capture"]:
                return self._capture(self.intents[intent_id], fields)
            case "POST", ["payment_intents", intent_id, "cancel"]:
                return self._cancel(self.intents[intent_id])
            case "POST", ["refunds"]:
                return self._refund(fields)
        return 404, {"error": {"type": "invalid_request_error", "message": "no such address"}}

    def _create(self, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        amount, currency = int(fields["amount"]), fields["currency"]
        if currency in ("kwd", "bhd", "jod") and amount % 10:
            return _refused("the last digit must be 0")
        intent: dict[str, Any] = {
            "id": f"pi_{len(self.intents) + 1}",
            "object": "payment_intent",
            "amount": amount,
            "amount_received": 0,
            "amount_capturable": 0,
            "currency": currency,
            "client_secret": "pi_secret",
            "status": "requires_payment_method",
            "metadata": {name[9:-1]: value for name, value in fields.items() if name.startswith("metadata[")},
            "last_payment_error": None,
        }
        self.intents[intent["id"]] = intent
        token = fields.get("payment_method")
        if token == DECLINED:
            intent["last_payment_error"] = {"code": "card_declined"}
            error = {"type": "card_error", "code": "card_declined", "message": "declined", "payment_intent": intent}
            return 402, {"error": error}
        if token == "pm_card_authenticationRequired":
            intent["status"] = "requires_action"
        elif token and fields["capture_method"] == "manual":
            intent |= {"status": "requires_capture", "amount_capturable": amount}
        elif token:
            intent |= {"status": "succeeded", "amount_received": amount}
        return 200, dict(intent)

    def _capture(self, intent: dict[str, Any], fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        amount = int(fields.get("amount_to_capture", intent["amount_capturable"]))
        if intent["status"] != "requires_capture" or not 0 < amount <= intent["amount_capturable"]:
            return _refused("payment_intent_unexpected_state")
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        return 200, dict(intent)

    def _cancel(self, intent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if intent["status"] == "succeeded":
            return _refused("payment_intent_unexpected_state")
        intent |= {"status": "canceled", "amount_capturable": 0}
        return 200, dict(intent)

    def _refund(self, fields: dict[str, str]) -> tuple[int, dict[str, Any]]:
        intent, amount = self.intents[fields["payment_intent"]], int(fields["amount"])
        given = sum(each["amount"] for each in self.refunds.values() if each["payment_intent"] == intent["id"])
        if given + amount > intent["amount_received"]:
            return _refused("charge_already_refunded")
        made = {
            "id": f"re_{len(self.refunds) + 1}",
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "status": "succeeded",
            "payment_intent": intent["id"],
            "metadata": {name[9:-1]: value for name, value in fields.items() if name.startswith("metadata[")},
        }
        self.refunds[made["id"]] = made
        return 200, made


def _refused(why: str) -> tuple[int, dict[str, Any]]:
    return 400, {"error": {"type": "invalid_request_error", "code": why, "message": why}}


@contextmanager
def running_stripe() -> Iterator[tuple[StripeApi, str]]:
    """A stand-in and its address."""
    api = StripeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._reply("GET", urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._reply("POST", self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

        def _reply(self, method: str, form: str) -> None:
            fields = {name: values[0] for name, values in parse_qs(form).items()}
            key = self.headers.get("Idempotency-Key", "") if method == "POST" else ""
            status, content = api.answer(method, urlsplit(self.path).path, fields, key)
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield api, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
