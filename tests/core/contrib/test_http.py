"""The API without a framework: what can be said of it without a server."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_core import errors
from mestres_core.contrib.http import ROUTES, Api, Request, openapi, problems
from mestres_core.contrib.http.language import negotiate
from mestres_core.contrib.http.render import formatted
from mestres_core.money import Money


class _Broken:
    """A shop in which everything fails in a way that nobody expected."""

    def __getattr__(self, _name):
        raise RuntimeError("the password is hunter2")


def _kinds(root):
    yield root
    for kind in root.__subclasses__():
        yield from _kinds(kind)


@pytest.mark.parametrize("kind", list(_kinds(errors.CommerceError)), ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind):
    """Whatever the core refuses has a status of its own or its parent's."""
    assert any(parent in problems.STATUS for parent in kind.__mro__)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ValidationError.of("name", "required"), 422),
        (errors.NotFound("cart", "x"), 404),
        (errors.InsufficientStock(sku="A", requested=2, available=1), 409),
        (errors.CartEmpty("x"), 409),
        (errors.CartClosed("x"), 409),
        (errors.VersionConflict(expected=1, actual=2), 409),
        (errors.IdempotencyConflict("k"), 409),
        (errors.IllegalTransition(what="order 1", state="placed", target="expired"), 409),
        (errors.InvalidSignature("pix"), 401),
        (errors.RetryableError("deadlock"), 503),
        (errors.OutcomeUnknown(), 503),
        (errors.DatabaseNotReady("no tables", "migrate"), 503),
    ],
    ids=lambda value: getattr(value, "code", value),
)
@pytest.mark.parametrize("locale", ["pt-BR", "en"])
def test_errors_become_problems(error, status, locale):
    """A refusal has its status, its code, and its sentence in the asked language."""
    reply = problems.of_error(error, locale)

    assert reply.status == status
    assert f'"code":"{error.code}"' in reply.body.decode()
    assert error.title[locale == "pt-BR"] in reply.body.decode()
    assert (reply.header("Retry-After") is not None) == (status == 503)


def test_unexpected_failures_tell_nothing_of_the_inside(caplog):
    """An exception gives a bare 500 and is logged whole."""
    reply = Api(_Broken()).handle(Request("GET", "/api/v1/categories"))

    assert reply.status == 500
    assert b"hunter2" not in reply.body
    assert "hunter2" in caplog.text


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (4590, "BRL", "R$ 45,90"),
        (123456789, "BRL", "R$ 1.234.567,89"),
        (0, "BRL", "R$ 0,00"),
        (-4590, "BRL", "-R$ 45,90"),
        (4590, "USD", "US$ 45,90"),
        (4590, "JPY", "JP¥ 4.590"),
    ],
)
def test_money_is_written_as_in_brazil(amount, currency, text):
    """Money shows the Brazilian way, with ordinary spaces."""
    assert formatted(Money(amount, currency)) == text


@given(st.text(max_size=60))
def test_any_accept_language_gives_a_language(header):
    """Whatever a client asks for, one of the two languages comes out."""
    assert negotiate(header) in errors.LOCALES


def test_the_openapi_document_is_whole():
    """Every reference leads somewhere, every operation has a name of its own and describes its refusals."""
    document = openapi.document(ROUTES)
    references, operations = set(), []

    def walk(node):
        if isinstance(node, dict):
            references.update([node["$ref"]] if "$ref" in node else [])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for path in document["paths"].values():
        operations += path.values()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references - known == set()
    assert len({operation["operationId"] for operation in operations}) == len(operations) == len(ROUTES)
    assert all(operation["summary"] and operation["responses"] for operation in operations)
    for template, path in document["paths"].items():
        for operation in path.values():
            named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert named == {part.strip("{}") for part in template.split("/") if part.startswith("{")}


def test_the_api_loads_no_framework():
    """Importing the API and the core brings in neither Flask nor FastAPI."""
    program = "import sys, mestres_core, mestres_core.contrib.http; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert {name.partition(".")[0] for name in run.stdout.split()} & {"flask", "fastapi", "starlette"} == set()
