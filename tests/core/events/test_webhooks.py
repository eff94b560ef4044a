"""Telling the endpoints of others what has happened, signed."""

import http.server
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.errors import InvalidSignature, NotFound, ValidationError
from mestres_core.events.posting import ForbiddenAddress, HttpSender
from mestres_core.events.signing import sign, verify_webhook
from mestres_core.events.webhooks import WebhookPolicy

URL = "https://example.com/hooks"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Receiver:
    """Checks addresses as the real sender does; what is posted stays here. `answers` are taken first, then 204s."""

    def __init__(self, *answers: int | BaseException) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[str, bytes, Mapping[str, str]]] = []

    def check(self, url: str) -> str | None:
        return HttpSender().check(url)

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.posts.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def told(self) -> list[int]:
        return [int(headers["webhook-id"].removeprefix("evt_")) for _, _, headers in self.posts]


Open = Callable[..., tuple[TestShop, Receiver]]


@pytest.fixture
def telling(open_shop: Callable[..., TestShop]) -> Iterator[Open]:
    """`telling(*answers, **policy)`: a shop and the receiver of its webhooks; the audit's rules hold afterwards."""
    opened: list[TestShop] = []

    def open_(*answers: int | BaseException, **policy: Any) -> tuple[TestShop, Receiver]:
        receiver = Receiver(*answers)
        opened.append(open_shop(webhooks=WebhookPolicy(sender=receiver, **policy)))
        return opened[-1], receiver

    yield open_
    assert all(each.audit().clean for each in opened)


def _flush(shop: TestShop) -> int:
    while shop.relay():
        pass
    done = 0
    while more := shop.send_webhooks():
        done += more
    return done


def test_the_scheme_of_standard_webhooks() -> None:
    """The example of the specification's own libraries gets the signature that they give it."""
    headers = sign(
        b'{"test": 2432232314}',
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        now=datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize(
    "damage",
    [
        {"body": b"[]"},
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
        {"webhook-timestamp": "²"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1a,AAAA"},
        {"now": NOW + timedelta(minutes=6)},
        {"now": NOW - timedelta(minutes=6)},
        {"secret": "whsec_AAAA"},
        {"webhook-id": None},
        {"webhook-timestamp": None},
        {"webhook-signature": None},
    ],
    ids=lambda damage: "-".join(damage) + str(len(str(damage))),
)
def test_what_was_tampered_with_is_refused(damage: dict[str, Any]) -> None:
    """Any change of body, number, time or signature, another secret, or a message of six minutes ago."""
    headers = sign(b"{}", message_id="evt_1", secrets=[_SECRET], now=NOW)
    given = {"body": b"{}", "secret": _SECRET, "now": NOW, **{k: v for k, v in damage.items() if "-" not in k}}
    assert verify_webhook(b"{}", headers=headers, secret=_SECRET, now=NOW) == "evt_1"
    with pytest.raises(InvalidSignature):
        verify_webhook(given["body"], headers={**headers, **damage}, secret=given["secret"], now=given["now"])


def test_a_fact_arrives_signed(telling: Open) -> None:
    """The body says what happened and when; the receiver can check it with the secret that `create` showed."""
    shop, receiver = telling()
    made = shop.webhooks.create(url=URL, events=["ProductChanged"], description="ERP")
    product = shop.product()
    shop.cart(("A1", 1))
    assert _flush(shop) == 1

    ((url, body, headers),) = receiver.posts
    assert url == URL
    assert verify_webhook(body, headers=headers, secret=made.secret, now=shop.clock.now()) == "evt_1"
    told = json.loads(body)
    assert (told["type"], told["data"]["product_id"]) == ("ProductChanged", product.id)
    assert datetime.fromisoformat(told["timestamp"]) == shop.clock.now()
    assert made.secret not in repr(made)
    assert shop.webhooks.secret(made.endpoint.id) == made.secret


def test_what_is_rolled_back_is_not_told(telling: Open) -> None:
    """An endpoint hears of what was committed, and nothing else."""
    shop, receiver = telling()
    shop.webhooks.create(url=URL)
    with pytest.raises(ZeroDivisionError), shop.transaction() as tx:
        tx.catalog.save(name="a", variants=[{"sku": "a", "price": 1}])
        raise ZeroDivisionError
    assert (_flush(shop), receiver.posts) == (0, [])


def test_a_failed_delivery_is_tried_by_the_schedule(telling: Open) -> None:
    """Errors and answers other than 2xx count alike; body and number are the same each time, the log has them all."""
    shop, receiver = telling(TimeoutError("slow"), 500, 302)
    endpoint = shop.webhooks.create(url=URL).endpoint
    shop.product()
    waits = [timedelta(0), timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
    for wait in waits:
        if wait:
            shop.clock.advance(seconds=wait.total_seconds() - 1)
            assert _flush(shop) == 0
            shop.clock.advance(seconds=1)
        _flush(shop)
    assert len(receiver.posts) == 4
    assert len({(body, headers["webhook-id"]) for _, body, headers in receiver.posts}) == 1
    (delivery,) = shop.webhooks.deliveries(endpoint.id)
    assert (delivery.status, delivery.attempts) == ("delivered", 4)
    log = [(each.status_code, each.error) for each in shop.webhooks.attempts(delivery.id)]
    assert log == [(None, "TimeoutError: slow"), (500, None), (302, None), (204, None)]
    assert shop.webhooks.get(endpoint.id).failing_since is None


def test_order_is_kept_while_one_waits(telling: Open) -> None:
    """What the same aggregate has behind a failed delivery waits for it; another aggregate does not."""
    shop, receiver = telling(500)
    shop.webhooks.create(url=URL, events=["CartChanged"])
    shop.product()
    cart, other = shop.cart(("A1", 1)), shop.cart(("A1", 1))
    shop.carts.add(cart, sku="A1")
    _flush(shop)
    assert _flush(shop) == 1  # the other cart's
    shop.clock.advance(seconds=5)
    assert _flush(shop) == 2
    aggregates = [json.loads(body)["data"]["cart_id"] for _, body, _ in receiver.posts]
    assert aggregates == [cart, other, cart, cart]
    numbers = receiver.told
    assert numbers[0] == numbers[2] < numbers[3]


def test_the_end_of_the_schedule(telling: Open) -> None:
    """A delivery that failed for good no longer holds back what follows; it can be sent again by hand."""
    shop, receiver = telling(500, 500, schedule=(timedelta(seconds=5),))
    endpoint = shop.webhooks.create(url=URL, events=["CartChanged"]).endpoint
    shop.product()
    cart = shop.cart(("A1", 1))
    _flush(shop)
    shop.carts.add(cart, sku="A1")
    assert _flush(shop) == 0
    shop.clock.advance(seconds=5)
    assert _flush(shop) == 0
    assert _flush(shop) == 1
    failed, delivered = shop.webhooks.deliveries(endpoint.id)
    assert (failed.status, delivered.status) == ("failed", "delivered")
    assert shop.webhooks.deliveries(endpoint.id, status="failed") == (failed,)

    shop.webhooks.redeliver(failed.id)
    assert _flush(shop) == 1
    assert receiver.told[-1] == failed.fact_id


@pytest.mark.parametrize(("answer", "reason"), [(410, "gone"), (500, "failing")])
def test_an_endpoint_that_fails_for_long_is_disabled(telling: Open, answer: int, reason: str) -> None:
    """After five days without one arrival, at once when it says that it is gone. Enabled again it goes on."""
    shop, receiver = telling(*[answer] * 20)
    endpoint = shop.webhooks.create(url=URL).endpoint
    shop.product()
    for day in range(6):
        _flush(shop)
        if shop.webhooks.get(endpoint.id).enabled:
            shop.clock.advance(days=1)
            shop.product(f"P{day}")
    found = shop.webhooks.get(endpoint.id)
    assert (found.enabled, found.disabled_reason) == (False, reason)
    posts = len(receiver.posts)
    shop.product("Z1")
    _flush(shop)
    assert len(receiver.posts) == posts

    receiver.answers.clear()
    assert shop.webhooks.enable(endpoint.id).failing_since is None
    shop.clock.advance(days=2)
    assert _flush(shop) > 0


def test_a_hanging_endpoint_costs_one_call_a_round(telling: Open) -> None:
    """After a failure the rest of that endpoint's messages wait for the next round; others get theirs."""
    shop, receiver = telling(TimeoutError())
    shop.webhooks.create(url=URL)
    shop.webhooks.create(url=URL + "/2")
    for number in range(3):
        shop.product(f"P{number}")
    while shop.relay():
        pass
    assert shop.send_webhooks() == 3
    assert [url.endswith("/2") for url, _, _ in receiver.posts] == [False, True, True, True]


def test_secrets_are_rotated(telling: Open) -> None:
    """Both secrets sign until the overlap is over; without overlap the old one signs nothing more."""
    shop, receiver = telling()
    old = shop.webhooks.create(url=URL)
    new = shop.webhooks.rotate_secret(old.endpoint.id, overlap=timedelta(hours=1))

    def accepted() -> list[bool]:
        shop.product()
        shop.catalog.save(key="A1", name=f"Café {len(receiver.posts)}", variants=[{"sku": "A1", "price": 1}])
        _flush(shop)
        _, body, headers = receiver.posts[-1]
        result = []
        for secret in (old.secret, new.secret):
            try:
                verify_webhook(body, headers=headers, secret=secret, now=shop.clock.now())
            except InvalidSignature:
                result.append(False)
            else:
                result.append(True)
        return result

    assert accepted() == [True, True]
    shop.clock.advance(hours=1)
    assert accepted() == [False, True]
    shop.webhooks.rotate_secret(old.endpoint.id, overlap=timedelta(0))
    assert accepted() == [False, False]


def test_a_worker_that_died_leaves_it_to_another(telling: Open) -> None:
    """Killed between the effect and its acknowledgement: sent again, with the same number, when its claim runs out."""
    shop, receiver = telling(SystemExit())
    shop.webhooks.create(url=URL, events=["ProductChanged"])
    shop.product()
    shop.relay()
    with pytest.raises(SystemExit):
        shop.send_webhooks()
    # Whoever is told to end lets go; who is killed cannot, which is what this makes of it.
    shop.sql("UPDATE mc_webhook_delivery SET claimed_until = :at", at=_stored(shop, timedelta(minutes=5)))
    assert shop.send_webhooks() == 0
    shop.clock.advance(minutes=5)
    assert shop.send_webhooks() == 1
    assert len(receiver.told) == 2
    assert len(set(receiver.told)) == 1


def _stored(shop: TestShop, ahead: timedelta) -> Any:
    moment = shop.clock.now() + ahead
    return moment.replace(tzinfo=None).isoformat(" ") + ".000000" if shop.engine.name == "sqlite" else moment


def test_an_endpoint_is_changed_and_removed(telling: Open) -> None:
    """It is listed as it is; removed, its log goes with it and nothing pending is sent."""
    shop, receiver = telling()
    endpoint = shop.webhooks.create(url=URL).endpoint
    assert shop.webhooks.list() == (endpoint,)
    changed = shop.webhooks.update(endpoint.id, url=URL + "/new", events=["StockLow"], description=" ERP ")
    assert (changed.url, changed.events, changed.description) == (URL + "/new", ("StockLow",), "ERP")
    assert shop.webhooks.disable(endpoint.id).disabled_reason == "by hand"
    shop.webhooks.enable(endpoint.id)
    shop.webhooks.update(endpoint.id, events=[])
    shop.product()
    shop.relay()
    shop.webhooks.delete(endpoint.id)
    assert (shop.webhooks.list(), _flush(shop), receiver.posts) == ((), 0, [])
    for call in ("get", "delete", "secret", "rotate_secret", "enable", "disable", "deliveries", "update"):
        with pytest.raises(NotFound):
            getattr(shop.webhooks, call)(endpoint.id)
    for call in ("attempts", "redeliver"):
        with pytest.raises(NotFound):
            getattr(shop.webhooks, call)(1)


def test_the_log_is_cleaned(telling: Open) -> None:
    """Finished deliveries go after thirty days with their attempts; pending ones stay."""
    shop, _ = telling()
    endpoint = shop.webhooks.create(url=URL).endpoint
    shop.product()
    _flush(shop)
    shop.product("B1")
    shop.relay()
    assert shop.webhooks.cleanup() == 0
    shop.clock.advance(days=31)
    assert shop.webhooks.cleanup() == 1
    assert [each.status for each in shop.webhooks.deliveries(endpoint.id)] == ["pending"]
    assert shop.sql("SELECT count(*) FROM mc_webhook_attempt")[0][0] == 0


@pytest.mark.parametrize(
    ("method", "arguments", "fields"),
    [
        ("create", {"url": "http://example.com"}, ["url"]),
        ("create", {"url": None, "events": ["Nope"], "description": "x" * 201}, ["url", "events.0", "description"]),
        ("create", {"url": URL, "events": "ProductChanged"}, ["events"]),
        ("update", {"endpoint_id": 1, "url": "ftp://example.com"}, ["url"]),
        ("get", {"endpoint_id": 0}, ["endpoint_id"]),
        ("delete", {"endpoint_id": "1"}, ["endpoint_id"]),
        ("list", {"after": -1, "limit": 0}, ["after", "limit"]),
        ("secret", {"endpoint_id": True}, ["endpoint_id"]),
        ("rotate_secret", {"endpoint_id": 1, "overlap": timedelta(days=31)}, ["overlap"]),
        ("deliveries", {"endpoint_id": 1, "status": "lost"}, ["status"]),
        ("attempts", {"delivery_id": 0}, ["delivery_id"]),
        ("redeliver", {"delivery_id": None}, ["delivery_id"]),
        ("cleanup", {"limit": 0}, ["limit"]),
    ],
)
def test_wrong_arguments(sqlite_shop: TestShop, method: str, arguments: dict[str, Any], fields: list[str]) -> None:
    """Every wrong field is named at once, and nothing has changed."""
    with pytest.raises(ValidationError) as refused:
        getattr(sqlite_shop.webhooks, method)(**arguments)
    assert [error.field for error in refused.value.errors] == fields
    assert sqlite_shop.webhooks.list() == ()


_INSIDE = [
    "127.0.0.1",
    "localhost",
    "db.internal",
    "10.0.0.1",
    "192.168.0.1",
    "172.16.5.4",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "[::1]",
    "[fd00::1]",
    "[fe80::1]",
    "[::ffff:10.0.0.1]",
    "[64:ff9b::a00:1]",
    "[2002:a00:1::]",
]


@pytest.mark.parametrize("host", _INSIDE)
def test_an_address_inside_the_house_is_refused(host: str) -> None:
    """As it is written, before anything is asked of the network."""
    assert HttpSender().check(f"https://{host}/hook") == "must lead to the public internet"
    assert HttpSender(allow_private=True).check(f"https://{host}/hook") is None


@pytest.mark.parametrize(
    "url", ["https://user:pw@example.com/", "https://example.com/#a", "https://", "https://a b/", "https://[x/", "x"]
)
def test_a_malformed_address_is_refused(url: str) -> None:
    """User, fragment, blanks, no host."""
    assert HttpSender().check(url) is not None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1"])
def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """What a name resolves to is judged when it is called, even when only one of several addresses is inside."""
    found = [(0, 0, 0, "", (each, 443)) for each in ("93.184.216.34", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: found)
    monkeypatch.setattr(socket, "create_connection", lambda *_args, **_named: pytest.fail("connected"))
    with pytest.raises(ForbiddenAddress):
        HttpSender().post("https://shop.example/hook", b"{}", {})


def test_exactly_the_judged_address_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is asked once, and whose second answer would lead inside, gains nothing."""
    answers = iter([[(0, 0, 0, "", ("93.184.216.34", 443))], [(0, 0, 0, "", ("127.0.0.1", 443))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_named: next(answers))
    called: list[Any] = []

    def connect(address: Any, _timeout: float) -> Any:
        called.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(ConnectionRefusedError):
        HttpSender().post("https://shop.example/hook", b"{}", {})
    assert called == [("93.184.216.34", 443)]


@pytest.fixture
def server() -> Iterator[tuple[str, list[Any]]]:
    """A real HTTP server: its address, and what it got. /away redirects to itself."""
    got: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, body, dict(self.headers)))
            self.send_response(302 if self.path == "/away" else 200)
            self.send_header("Location", "/other")
            self.end_headers()
            self.wfile.write(b"thanks")

        def log_message(self, *_arguments: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{made.server_address[1]}", got
        made.shutdown()
        thread.join()


def test_over_a_real_connection(open_shop: Callable[..., TestShop], server: tuple[str, list[Any]]) -> None:
    """The real sender posts it, a real server can check it, and a redirect is not followed."""
    url, got = server
    sender = HttpSender(allow_http=True, allow_private=True)
    shop = open_shop(webhooks=WebhookPolicy(sender=sender))
    made = shop.webhooks.create(url=f"{url}/hook?a=1")
    shop.product()
    assert _flush(shop) == 1
    ((path, body, headers),) = got
    assert path == "/hook?a=1"
    assert verify_webhook(body, headers=headers, secret=made.secret, now=shop.clock.now()) == "evt_1"
    assert sender.post(f"{url}/away", b"{}", {}) == 302
    assert len(got) == 2
