"""An OpenSearch server as the engine of a shop's search: `Commerce.open(..., search=OpenSearch("http://..."))`.

The server is given the stems of `mestres_core.rules.text` and takes words as they are, so what is found is what the
database finds; how well it matches is told by the server. It needs no plugin and no library: JSON over HTTP.
"""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from mestres_core.errors import SearchUnavailable, ValidationError
from mestres_core.rules.text import fold
from mestres_core.typing import SearchDocument, SearchHits, SearchRequest, SearchTerm

_FIELDS = (("title", 8), ("facts", 4), ("groups", 2), ("rest", 1))
_MOST_VALUES = 100
_BETWEEN = "\x1f"
_TEXT = {"type": "text", "analyzer": "whitespace", "norms": False, "similarity": "boolean"}
_KEYWORD = {"type": "keyword"}
_INDEX = {
    "settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0, "auto_expand_replicas": "0-1"}},
    "mappings": {
        "dynamic": "strict",
        "properties": {
            **{name: _TEXT for name, _ in _FIELDS},
            **dict.fromkeys(("sort_name", "opens", "skus", "category", "values", "chosen", "currency"), _KEYWORD),
            **{name: {"type": "long"} for name in ("id", "categories", "price", "rating")},
            "in_stock": {"type": "boolean"},
        },
    },
}
_SORTS: Mapping[str, list[Any]] = {
    "relevance": [{"_score": "desc"}, "sort_name", "id"],
    "newest": [{"id": "desc"}],
    "price": ["price", "id"],
    "-price": [{"price": "desc"}, {"id": "desc"}],
    "name": ["sort_name", "id"],
}
Json = dict[str, Any]


class OpenSearch:
    """One index of a server at `url` (with user and password in it, where it wants them).

    `index` is an alias: `replace` fills a new index behind it and then turns it over, so that searches never see half
    of one. `timeout` is in seconds, for each call. Raises ValidationError for an address that is none.
    """

    def __init__(self, url: str, *, index: str = "products", timeout: float = 2.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValidationError.of("url", "invalid", reason="give an http:// or https:// address")
        self._headers = {"Content-Type": "application/json"}
        if parts.username:
            known = base64.b64encode(f"{parts.username}:{parts.password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {known}"
        port = f":{parts.port}" if parts.port else ""
        self._url = f"{parts.scheme}://{parts.hostname}{port}{parts.path.rstrip('/')}"
        self._index = quote(index, safe="")
        self._timeout = timeout

    def search(self, request: SearchRequest) -> SearchHits:
        """The products that meet a request. Raises SearchUnavailable."""
        answer = self._ask("POST", f"/{self._index}/_search", _body(request))
        hits = answer["hits"]
        return SearchHits(
            [int(hit["_id"]) for hit in hits["hits"]], int(hits["total"]["value"]), _counts(answer, request)
        )

    def save(self, documents: Sequence[SearchDocument]) -> None:
        """Take in products; they are found when this returns. Raises SearchUnavailable."""
        self._ready()
        self._save(self._index, documents, refresh="true")

    def remove(self, ids: Sequence[int]) -> None:
        """Forget products. Raises SearchUnavailable."""
        self._ready()
        self._bulk([{"delete": {"_index": self._index, "_id": str(each)}} for each in ids], refresh="true")

    def replace(self, documents: Iterable[Sequence[SearchDocument]]) -> None:
        """Make the whole index anew; the old one answers until it is done. Raises SearchUnavailable."""
        fresh = f"{self._index}-{secrets.token_hex(6)}"
        self._ask("PUT", f"/{fresh}", _INDEX)
        try:
            for some in documents:
                self._save(fresh, some, refresh="false")
            self._ask("POST", f"/{fresh}/_refresh", None)
            old = self._behind()
        except BaseException:
            self._ask("DELETE", f"/{fresh}", None)
            raise
        actions: list[Json] = [{"remove_index": {"index": each}} for each in old]
        actions.append({"add": {"index": fresh, "alias": self._index, "is_write_index": True}})
        self._ask("POST", "/_aliases", {"actions": actions})

    def _ready(self) -> None:
        """Make the index when there is none yet."""
        if not self._behind():
            self.replace([])

    def _behind(self) -> list[str]:
        """The indexes that the alias stands for."""
        answer = self._ask("GET", f"/_alias/{self._index}", None, missing={})
        return sorted(name for name in answer if name not in ("error", "status"))

    def _save(self, index: str, documents: Sequence[SearchDocument], *, refresh: str) -> None:
        lines: list[Json] = []
        for each in documents:
            lines += ({"index": {"_index": index, "_id": str(each.id)}}, _document(each))
        self._bulk(lines, refresh=refresh)

    def _bulk(self, lines: Sequence[Json], *, refresh: str) -> None:
        if not lines:
            return
        body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        answer = self._send("POST", f"/_bulk?refresh={refresh}", body)
        failed = [item for each in answer["items"] for item in each.values() if "error" in item]
        if failed:
            raise SearchUnavailable(f"{len(failed)} of {len(answer['items'])}: {failed[0]['error'].get('reason')}")

    def _ask(self, method: str, path: str, body: Json | None, *, missing: Json | None = None) -> Json:
        return self._send(method, path, None if body is None else json.dumps(body).encode(), missing=missing)

    def _send(self, method: str, path: str, body: bytes | None, *, missing: Json | None = None) -> Json:
        request = urllib.request.Request(f"{self._url}{path}", data=body, method=method, headers=self._headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:  # noqa: S310 - checked above
                found: Json = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and missing is not None:  # noqa: PLR2004
                    return missing
                raise SearchUnavailable(f"{error.code} {error.read(500).decode(errors='replace')}") from error
        except (OSError, ValueError) as error:
            raise SearchUnavailable(type(error).__name__) from error


def _document(each: SearchDocument) -> Json:
    return {
        **{name: getattr(each, name) for name in ("id", "sort_name", "title", "facts", "groups", "rest", "category")},
        "opens": f"{each.title} ",
        "skus": [fold(sku) for sku in each.skus],
        "categories": list(each.categories),
        "values": [f"{name}{_BETWEEN}{value}" for name, value in each.values.items()],
        "chosen": [f"{fold(name)}{_BETWEEN}{fold(value)}" for name, value in each.values.items()],
        "price": each.price,
        "currency": each.currency,
        "in_stock": each.in_stock,
        "rating": each.rating,
    }


def _body(request: SearchRequest) -> Json:
    chosen = _chosen(request)
    body: Json = {
        "from": request.first,
        "size": request.number,
        "track_total_hits": True,
        "_source": False,
        "sort": _SORTS[request.sort],
        "query": {
            "bool": {
                "should": [_term(term) for term in request.terms],
                "minimum_should_match": max(1, len(request.terms) - request.missing),
                "filter": _filters(request),
            }
        },
        # What is chosen in facets narrows the hits after the counting.
        "post_filter": {"bool": {"filter": list(chosen.values())}},
    }
    if request.sort == "relevance":
        boosts = [{"constant_score": {"filter": {"term": {"skus": fold(request.typed)}}, "boost": 1_000_000}}]
        names = [_all_in_name(request.terms)]
        opening = f"{' '.join(request.terms[0].phrases[0])} "
        names.append({"bool": {"must": [names[0], {"prefix": {"opens": opening}}]}})
        boosts += [{"constant_score": {"filter": each, "boost": 1000 * rank}} for rank, each in enumerate(names, 1)]
        body["query"] = {"bool": {"must": [body["query"]], "should": boosts}}
    if request.facets:
        body["aggs"] = {
            "category": _facet("category", chosen, "category"),
            "values": _facet("values", chosen, None),
            **{f"of {name}": _facet("values", chosen, name) for name in request.attributes},
        }
    return body


def _term(term: SearchTerm) -> Json:
    ways = [
        {
            "constant_score": {
                "filter": {"bool": {"filter": [{"term": {name: stem}} for stem in phrase]}},
                "boost": boost,
            }
        }
        for phrase in term.phrases
        for name, boost in _FIELDS
    ]
    if term.begins:
        ways += [
            {"constant_score": {"filter": {"prefix": {name: term.begins}}, "boost": boost / 16}}
            for name, boost in _FIELDS
        ]
    # Stems of one phrase may lie in several fields.
    ways += [
        {"constant_score": {"filter": {"bool": {"filter": [_anywhere(stem) for stem in phrase]}}, "boost": 0.5}}
        for phrase in term.phrases
        if len(phrase) > 1
    ]
    return {"dis_max": {"queries": ways}}


def _anywhere(stem: str) -> Json:
    return {"multi_match": {"query": stem, "fields": [name for name, _ in _FIELDS], "analyzer": "whitespace"}}


def _all_in_name(terms: Sequence[SearchTerm]) -> Json:
    def one(term: SearchTerm) -> Json:
        ways = [{"bool": {"filter": [{"term": {"title": stem}} for stem in phrase]}} for phrase in term.phrases]
        return {"bool": {"should": ways, "minimum_should_match": 1}}

    return {"bool": {"filter": [one(term) for term in terms]}}


def _filters(request: SearchRequest) -> list[Json]:
    found: list[Json] = [{"term": {"currency": request.currency}}]
    bounds = {"gte": request.min_price, "lte": request.max_price}
    prices = {name: value for name, value in bounds.items() if value is not None}
    if prices:
        found.append({"range": {"price": prices}})
    if request.in_stock is not None:
        found.append({"term": {"in_stock": request.in_stock}})
    if request.min_rating is not None:
        found.append({"range": {"rating": {"gte": request.min_rating}}})
    return found


def _chosen(request: SearchRequest) -> dict[str, Json]:
    """The filter of each facet that something is chosen in."""
    found: dict[str, Json] = {}
    if request.categories is not None:
        found["category"] = {"terms": {"categories": list(request.categories)}}
    for name, values in request.attributes.items():
        found[f"of {name}"] = {"terms": {"chosen": sorted(f"{name}{_BETWEEN}{value}" for value in values)}}
    return found


def _facet(field: str, chosen: Mapping[str, Json], name: str | None) -> Json:
    own = name if name == "category" else f"of {name}"
    others = [each for of, each in chosen.items() if of != own]
    counted = {"terms": {"field": field, "size": _MOST_VALUES * 10}}
    return {"filter": {"bool": {"filter": others}}, "aggs": {"counts": counted}}


def _counts(answer: Json, request: SearchRequest) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for of, facet in sorted(answer.get("aggregations", {}).items(), key=lambda item: item[0] != "values"):
        for bucket in facet["counts"]["buckets"]:
            name, _, value = ("category", "", bucket["key"]) if of == "category" else bucket["key"].partition(_BETWEEN)
            counted = f"of {fold(name)}" if fold(name) in request.attributes else "values"
            if of in ("category", counted):
                found.setdefault(name, {})[value] = int(bucket["doc_count"])
    return found
