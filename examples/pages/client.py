"""The pages' way to the shop: they are a client of its HTTP API that happens to live in the same process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mestres_core.contrib.http import Api, Request


class Refused(Exception):
    """The API answered with a problem document."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.problem = problem
        self.status: int = problem["status"]
        self.code: str = problem["code"]
        self.detail: str = problem["detail"]

    @property
    def fields(self) -> dict[str, str]:
        """What is wrong, by field."""
        return {error["field"]: error["message"] for error in self.problem.get("errors", ())}


class Client:
    """Calls the API and gives back its JSON. Raises Refused."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, path: str, parameters: Mapping[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """Read something; parameters without a value are left out."""
        query = urlencode({name: value for name, value in (parameters or {}).items() if value not in (None, "")})
        return self._call("GET", path, query, b"", headers)

    def send(self, method: str, path: str, body: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """Change something."""
        return self._call(method, path, "", json.dumps(body).encode(), headers)

    def _call(self, method: str, path: str, query: str, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request(method, path, query, {"content-type": "application/json", **named}, body)
        reply = self._api.handle(request)
        answer: dict[str, Any] = json.loads(reply.body)
        if reply.status >= 400:  # noqa: PLR2004 - HTTP's own number
            raise Refused(answer)
        return answer


def part(value: object) -> str:
    """One part of a path."""
    return quote(str(value), safe="")
