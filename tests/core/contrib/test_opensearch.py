"""The client of OpenSearch: what it sends, and what it makes of what comes back.

Where MESTRES_TEST_OPENSEARCH_URL names a server, the last test asks it; elsewhere that test does not exist.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core_shop import TestShop
from mestres_core.contrib.opensearch import OpenSearch
from mestres_core.errors import SearchUnavailable, ValidationError
from mestres_core.typing import SearchDocument, SearchRequest, SearchTerm

SERVER = os.environ.get("MESTRES_TEST_OPENSEARCH_URL")
CAFE = SearchTerm((("cafe",),), "cafe")
DOCUMENT = SearchDocument(
    7, "cafe", "cafe", "cx 250", "grao", "doce", ("CX-250",), "graos", (3, 1), {"Torra": "Média"}, 900, "BRL", True, 450
)


class Recorder:
    """An HTTP server that notes what it is asked and answers what it was told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any, str | None]] = []
        self.answers: list[tuple[int, Any]] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                lines = [json.loads(line) for line in body.splitlines()]
                known = self.headers.get("Authorization")
                recorder.asked.append((self.command, self.path, lines[0] if len(lines) == 1 else lines, known))
                status, answer = recorder.answers.pop(0) if recorder.answers else (200, {})
                told = json.dumps(answer).encode() if not isinstance(answer, bytes) else answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names of http.server

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.close()


def test_a_search_says_all_that_is_asked(server: Recorder) -> None:
    """Terms, filters, the page; what is chosen in a facet narrows the hits and the other facets."""
    server.answers.append(
        (
            200,
            {
                "hits": {"total": {"value": 12}, "hits": [{"_id": "7"}, {"_id": "3"}]},
                "aggregations": {
                    "category": {"counts": {"buckets": [{"key": "graos", "doc_count": 2}]}},
                    "values": {
                        "counts": {
                            "buckets": [
                                {"key": "Torra\x1fClara", "doc_count": 1},
                                {"key": "Processo\x1fNatural", "doc_count": 2},
                            ]
                        }
                    },
                    "of torra": {
                        "counts": {
                            "buckets": [
                                {"key": "Torra\x1fClara", "doc_count": 1},
                                {"key": "Torra\x1fMédia", "doc_count": 5},
                                {"key": "Processo\x1fNatural", "doc_count": 9},
                            ]
                        }
                    },
                },
            },
        )
    )
    hits = OpenSearch(server.url).search(
        SearchRequest(
            typed="CX-250",
            terms=(CAFE, SearchTerm((("prensa", "francesa"), ("french", "press")), None)),
            missing=1,
            categories=(1, 3),
            min_price=100,
            in_stock=True,
            min_rating=400,
            attributes={"torra": frozenset({"clara"})},
            first=20,
            number=10,
        )
    )
    assert (list(hits.ids), hits.total) == ([7, 3], 12)
    assert hits.facets == {
        "category": {"graos": 2},
        "Processo": {"Natural": 2},
        "Torra": {"Clara": 1, "Média": 5},
    }
    method, path, body, known = server.asked[0]
    assert (method, path, known) == ("POST", "/products/_search", None)
    assert (body["from"], body["size"], body["track_total_hits"]) == (20, 10, True)
    wanted = body["query"]["bool"]["must"][0]["bool"]
    assert (len(wanted["should"]), wanted["minimum_should_match"]) == (2, 1)
    assert {"range": {"price": {"gte": 100}}} in wanted["filter"]
    assert {"term": {"in_stock": True}} in wanted["filter"]
    assert {"range": {"rating": {"gte": 400}}} in wanted["filter"]
    chosen = body["post_filter"]["bool"]["filter"]
    assert chosen == [{"terms": {"categories": [1, 3]}}, {"terms": {"chosen": ["torra\x1fclara"]}}]
    facets = {name: each["filter"]["bool"]["filter"] for name, each in body["aggs"].items()}
    assert facets == {"category": chosen[1:], "values": chosen, "of torra": chosen[:1]}


def test_products_are_taken_in_and_forgotten(server: Recorder) -> None:
    """In one request each, found when it returns; the index is made when there is none."""
    there = {"products-1": {"aliases": {"products": {}}}}
    server.answers += [(200, there), (200, {"items": []}), (200, there), (200, {"items": []})]
    engine = OpenSearch(server.url.replace("http://", "http://ana:secret@"))
    engine.save([DOCUMENT])
    engine.remove([7, 8])
    (_, _, _, known), (_, saved, lines, _), _, (_, _, gone, _) = server.asked
    assert known == "Basic YW5hOnNlY3JldA=="
    assert saved == "/_bulk?refresh=true"
    assert lines[0] == {"index": {"_index": "products", "_id": "7"}}
    assert (lines[1]["values"], lines[1]["chosen"]) == (["Torra\x1fMédia"], ["torra\x1fmedia"])
    assert (lines[1]["skus"], lines[1]["categories"]) == (["cx-250"], [3, 1])
    assert [line["delete"]["_id"] for line in gone] == ["7", "8"]


def test_an_index_is_made_anew_behind_its_name(server: Recorder) -> None:
    """Filled first, then turned over in one step, the old one dropped with it."""
    server.answers += [(200, {}), (200, {"items": []}), (200, {}), (200, {"products-1": {}}), (200, {})]
    OpenSearch(server.url).replace(iter([[DOCUMENT]]))
    made = server.asked[0][1]
    assert [path for _, path, _, _ in server.asked] == [
        made,
        "/_bulk?refresh=false",
        f"{made}/_refresh",
        "/_alias/products",
        "/_aliases",
    ]
    assert server.asked[0][2]["mappings"]["dynamic"] == "strict"
    assert server.asked[1][2][0]["index"]["_index"] == made.strip("/")
    actions = server.asked[-1][2]["actions"]
    assert actions[0] == {"remove_index": {"index": "products-1"}}
    assert actions[1]["add"]["index"] == made.strip("/")


def test_half_an_index_is_thrown_away(server: Recorder) -> None:
    """When it cannot be filled, the old one stays."""
    server.answers += [(200, {}), (503, {})]
    with pytest.raises(SearchUnavailable):
        OpenSearch(server.url).replace([[DOCUMENT]])
    assert server.asked[-1][:2] == ("DELETE", server.asked[0][1])


@pytest.mark.parametrize("answer", [(500, {"error": "x"}), (404, {}), (200, b"<html>"), (429, {}), (200, b"")], ids=str)
def test_what_is_no_answer_is_said(server: Recorder, answer: tuple[int, Any]) -> None:
    """One error for all of them."""
    server.answers.append(answer)
    with pytest.raises(SearchUnavailable):
        OpenSearch(server.url).search(SearchRequest(typed="café", terms=(CAFE,)))


def test_a_refused_document_is_an_error(server: Recorder) -> None:
    """A bulk request that succeeds says inside what has failed."""
    failed = {"items": [{"index": {"error": {"reason": "mapper_parsing_exception"}}}]}
    server.answers += [(200, {"products-1": {}}), (200, failed)]
    with pytest.raises(SearchUnavailable, match="mapper_parsing_exception"):
        OpenSearch(server.url).save([DOCUMENT])


def test_nobody_there_is_an_error() -> None:
    """And a wrong address is refused at once."""
    with pytest.raises(SearchUnavailable):
        OpenSearch("http://127.0.0.1:9", timeout=0.2).search(SearchRequest(typed="a", terms=(CAFE,)))
    for url in ("", "localhost:9200", "file:///etc/passwd", "http://"):
        with pytest.raises(ValidationError):
            OpenSearch(url)


if SERVER:

    def test_a_real_server(open_shop: Callable[..., TestShop]) -> None:
        """What the database finds, it finds: words, facets, pages, changes."""
        shop = open_shop(search=OpenSearch(str(SERVER), index=f"mestres-{uuid.uuid4().hex}", timeout=30))
        for number in range(5):
            shop.product(f"CX-{number}", name=f"Cafés {number}", attributes={"Torra": "Média"}, category="Grãos")
        shop.search.rebuild()
        shop.product("B", name="Moedor de café")
        while shop.relay():
            pass
        page = shop.search.products("café", per_page=4)
        assert ([card.sku for card in page.items], page.total) == ([f"CX-{number}" for number in range(4)], 6)
        rest = shop.search.products("café", per_page=4, cursor=page.next_cursor)
        assert [card.sku for card in rest.items] == ["CX-4", "B"]
        assert shop.search.products("cx-3").items[0].sku == "CX-3"
        assert shop.search.products("café", attributes={"Torra": "média"}).total == 5
        assert shop.search.products("café").facets["Torra"][0].count == 5
