"""Refusals as RFC 9457 problem documents: every CommerceError has one status, one code and two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mestres_core import errors
from mestres_core.contrib.http import render
from mestres_core.contrib.http.messages import Reply, dump, json_reply

# The first class in an error's ancestry that is listed here decides.
STATUS: Mapping[type[errors.CommerceError], int] = {
    errors.ValidationError: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PaymentDeclined: 402,
    errors.InvalidSignature: 401,
    errors.ProviderFailed: 503,
    errors.RetryableError: 503,
    errors.OutcomeUnknown: 503,
    errors.DatabaseNotReady: 503,
    errors.CommerceError: 500,
}

# Refusals that HTTP makes before any handler runs: (title, detail), each in English and Portuguese.
_HTTP: Mapping[int, tuple[str, tuple[str, str], tuple[str, str]]] = {
    401: (
        "unauthorized",
        ("Credentials needed", "Credenciais necessárias"),
        ("Send Authorization: Bearer <token>", "Envie Authorization: Bearer <token>"),
    ),
    403: (
        "forbidden",
        ("Not allowed", "Não permitido"),
        ("This token does not open this resource", "Este token não dá acesso a este recurso"),
    ),
    404: (
        "not_found",
        ("Not found", "Não encontrado"),
        ("There is nothing at this address", "Não há nada neste endereço"),
    ),
    405: (
        "method_not_allowed",
        ("Method not allowed", "Método não permitido"),
        ("See the Allow header for what is possible here", "Veja no cabeçalho Allow o que é possível aqui"),
    ),
    413: (
        "body_too_large",
        ("Body too large", "Corpo grande demais"),
        ("A request body may have at most 1 MiB", "O corpo da requisição pode ter no máximo 1 MiB"),
    ),
    415: (
        "unsupported_media_type",
        ("Unsupported media type", "Tipo de conteúdo não aceito"),
        (
            "This address does not read bodies of this Content-Type; most read application/json",
            "Este endereço não lê corpos com este Content-Type; a maioria lê application/json",
        ),
    ),
    429: (
        "too_many_requests",
        ("Too many requests", "Requisições demais"),
        ("Wait as long as Retry-After says", "Espere o tempo que Retry-After indica"),
    ),
    500: (
        "internal_error",
        ("Internal error", "Erro interno"),
        ("Something failed here; it has been noted", "Algo falhou aqui; o erro foi registrado"),
    ),
}

# What the core's word "invalid" is told with, for those reasons that this edge gives.
_REASONS: Mapping[str, str] = {
    "malformed JSON": "JSON malformado",
    "control characters": "caracteres de controle",
    "not three capital letters": "não são três letras maiúsculas",
    "not a date such as 2026-01-31": "não é uma data como 2026-01-31",
    "it is before from": "é anterior a from",
    "not UTF-8": "não está em UTF-8",
    "not two letters": "não são duas letras",
}


class Refusal(Exception):
    """A refusal that is HTTP's own and no CommerceError: raise it with its status."""

    def __init__(self, status: int, *headers: tuple[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


def of_status(status: int, locale: str, *headers: tuple[str, str]) -> Reply:
    """The problem document of a refusal that is HTTP's own."""
    code, title, detail = _HTTP[status]
    chosen = locale == "pt-BR"
    return _problem(status, code, title[chosen], detail[chosen], locale).with_headers(*headers)


def of_error(error: errors.CommerceError, locale: str) -> Reply:
    """The problem document of something that the core refused."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    title = error.title[locale == "pt-BR"]
    # The sentence of what is not the client's doing may speak of the inside.
    inside = status >= 500  # noqa: PLR2004 - HTTP's own number
    detail = title if inside else _sentence(error, locale)
    reply = _problem(status, error.code, title, detail, locale, **_members(error, locale))
    return reply.with_headers(("Retry-After", "1")) if status == 503 else reply  # noqa: PLR2004


def invalid(field: str, why: str) -> errors.FieldError:
    """A field that is wrong for a reason which the core has no word for."""
    return errors.FieldError(field, "invalid", (("reason", why),))


def sentence(error: errors.FieldError, locale: str) -> str:
    """What is wrong with one field, without its name."""
    if error.reason == "invalid" and locale == "pt-BR":
        reason = dict(error.data).get("reason", "")
        error = invalid(error.field, _REASONS.get(reason, reason))
    return error.describe(locale)


def _sentence(error: errors.CommerceError, locale: str) -> str:
    if isinstance(error, errors.ValidationError):
        return "; ".join(f"{one.field} {sentence(one, locale)}" for one in error.errors)
    return error.describe(locale)


def _members(error: errors.CommerceError, locale: str) -> dict[str, Any]:
    """What a client needs in order to act on the refusal."""
    match error:
        case errors.ValidationError():
            return {"errors": [{"field": one.field, "message": sentence(one, locale)} for one in error.errors]}
        case errors.InsufficientStock():
            return {"sku": error.sku, "requested": error.requested, "available": error.available}
        case errors.QuoteChanged():
            return {"quote": render.quote(error.quote), "changed": sorted(error.changes)}
        case errors.PaymentDeclined():
            return {"order": render.placed_order(error.order)}
        case _:
            return {}


def _problem(status: int, code: str, title: str, detail: str, locale: str, **members: Any) -> Reply:
    document = {
        "type": f"urn:mestres:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **members,
    }
    return json_reply(status, dump(document), "application/problem+json").with_headers(
        ("Content-Language", locale), ("Vary", "Accept-Language"), ("Cache-Control", "no-store")
    )
