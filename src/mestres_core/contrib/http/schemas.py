"""What clients may send: strict, and bounded in every direction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from mestres_core.contrib.http.messages import Request
from mestres_core.contrib.http.problems import Refusal, invalid
from mestres_core.errors import FieldError, ValidationError

Model = TypeVar("Model", bound=BaseModel)

# Every number in the database fits a signed 64-bit integer; a larger one can name nothing.
LARGEST: Final = 2**63 - 1
_MAX_ATTRIBUTES = 10
_MAX_NAME = 64
_MAX_VALUE = 200
_DIGITS = re.compile(r"[0-9]{1,18}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CURRENCY, _COUNTRY = "^[A-Z]{3}$", "^[A-Za-z]{2}$"
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def is_storable(text: str) -> bool:
    """Whether every database can hold the text: PostgreSQL takes no NUL, and half a surrogate pair is no character."""
    return _UNSTORABLE.search(text) is None


def _clean(value: Any) -> Any:
    if isinstance(value, str) and not is_storable(value):
        raise ValueError("control characters")
    return value


def _whole(value: Any) -> Any:
    """A query parameter holds text; only plain digits are a number."""
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value


def _yes_or_no(value: Any) -> Any:
    return True if value in _TRUE else False if value in _FALSE else value


Text = Annotated[str, BeforeValidator(_clean)]
Number = Annotated[int, BeforeValidator(_whole)]
YesNo = Annotated[bool, BeforeValidator(_yes_or_no)]


class Query(BaseModel):
    """Query parameters. Unknown ones are ignored: links carry all sorts."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, str_strip_whitespace=True)


class Body(BaseModel):
    """A JSON body. Unknown fields are refused: they are misspellings."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, str_strip_whitespace=True)


class ProductsQuery(Query):
    """Which products, in which order, which page of them."""

    page: Annotated[Number, Field(ge=1, le=100_000)] = 1
    per_page: Annotated[Number, Field(ge=1, le=100)] = 20
    cursor: Annotated[Text, Field(max_length=500)] | None = None
    category: Annotated[Text, Field(max_length=_MAX_VALUE)] | None = None
    search: Annotated[Text, Field(max_length=_MAX_VALUE)] | None = None
    sort: Literal["relevance", "newest", "price", "-price", "name"] | None = None
    min_price: Annotated[Number, Field(ge=0, le=10**15)] | None = None
    max_price: Annotated[Number, Field(ge=0, le=10**15)] | None = None
    in_stock: YesNo | None = None
    highlight: YesNo | None = None
    attributes: dict[str, str] = Field(default_factory=dict)


class SuggestQuery(Query):
    """What has been typed so far."""

    q: Annotated[Text, Field(max_length=_MAX_VALUE)]
    limit: Annotated[Number, Field(ge=1, le=20)] = 10


class PageQuery(Query):
    """Which page of a list."""

    page: Annotated[Number, Field(ge=1, le=100_000)] = 1
    per_page: Annotated[Number, Field(ge=1, le=100)] = 20
    cursor: Annotated[Text, Field(max_length=500)] | None = None


class ReportQuery(Query):
    """Which days, both included, and by what the rows are grouped; the core knows which values are right."""

    from_: Annotated[Text, Field(max_length=_MAX_NAME)] | None = Field(default=None, alias="from")
    to: Annotated[Text, Field(max_length=_MAX_NAME)] | None = None
    group_by: Annotated[Text, Field(max_length=_MAX_NAME)] | None = None


class NewCart(Body):
    """A cart to be made. An empty body will do."""

    currency: Annotated[Text, Field(pattern=_CURRENCY)] = "BRL"


class NewLine(Body):
    """Pieces to be put into the cart."""

    sku: Annotated[Text, Field(min_length=1, max_length=100)]
    quantity: Annotated[int, Field(ge=1, le=999)]


class LineChange(Body):
    """How many pieces the line shall have."""

    quantity: Annotated[int, Field(ge=1, le=999)]


class NewCoupon(Body):
    """A coupon's code, in any capitals."""

    code: Annotated[Text, Field(min_length=1, max_length=40)]


class RefundRequest(Body):
    """How much goes back, in minor units; without it all that is left."""

    amount: Annotated[int, Field(ge=1, le=10**12)] | None = None


class ExportRequest(Body):
    """Which table as which file; the core knows which values are right."""

    kind: Annotated[Text, Field(min_length=1, max_length=_MAX_NAME)]
    format: Annotated[Text, Field(min_length=1, max_length=_MAX_NAME)] = "csv"


class Address(Body):
    """Where the parcel goes."""

    name: Annotated[Text, Field(min_length=1, max_length=120)]
    street: Annotated[Text, Field(min_length=1, max_length=200)]
    number: Annotated[Text, Field(min_length=1, max_length=20)]
    complement: Annotated[Text, Field(max_length=120)] = ""
    district: Annotated[Text, Field(min_length=1, max_length=120)]
    city: Annotated[Text, Field(min_length=1, max_length=120)]
    state: Annotated[Text, Field(min_length=1, max_length=60)]
    postal_code: Annotated[Text, Field(min_length=1, max_length=12)]
    country: Annotated[Text, Field(pattern=_COUNTRY)] = "BR"


class QuoteRequest(Body):
    """Where to, and how. Without a method the cheapest is chosen."""

    address: Address
    shipping_method: Annotated[Text, Field(min_length=1, max_length=60)] | None = None


class Customer(Body):
    """Who buys. `document` is a CPF or CNPJ, if given."""

    name: Annotated[Text, Field(min_length=1, max_length=120)]
    email: Annotated[Text, Field(min_length=3, max_length=254)]
    document: Annotated[Text, Field(max_length=20)] = ""


class PaymentChoice(Body):
    """How the buyer pays. `token` stands for a card; PIX and boleto need none."""

    method: Literal["card", "pix", "boleto"]
    token: Annotated[Text, Field(max_length=200)] = ""


class CheckoutRequest(Body):
    """The promise that the buyer accepts, and how it is paid."""

    quote_hash: Annotated[Text, Field(min_length=1, max_length=128)]
    customer: Customer
    payment: PaymentChoice


def read_query(model: type[Model], parameters: Mapping[str, str]) -> Model:
    """The query parameters as `model`. Raises ValidationError with every wrong one."""
    known = {field.alias or name for name, field in model.model_fields.items()}
    values: dict[str, Any] = {name: value for name, value in parameters.items() if name in known}
    if "attributes" in model.model_fields:
        values["attributes"] = _attributes(parameters)
    try:
        return model.model_validate({name: value for name, value in values.items() if value != ""})
    except pydantic.ValidationError as error:
        raise _translated(error) from None


def read_body(model: type[Model], request: Request) -> Model:
    """The JSON body as `model`. Raises ValidationError with every wrong field; refuses other media types."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.body and media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise Refusal(415)
    try:
        return model.model_validate_json(request.body.strip() or b"{}")
    except pydantic.ValidationError as error:
        raise _translated(error) from None


def _attributes(parameters: Mapping[str, str]) -> dict[str, str]:
    """`attr.<name>=<value>` as a mapping."""
    chosen = {key.removeprefix("attr."): value for key, value in parameters.items() if key.startswith("attr.")}
    if len(chosen) > _MAX_ATTRIBUTES:
        raise ValidationError.of("attr", "too_many", limit=_MAX_ATTRIBUTES)
    for name, value in chosen.items():
        if not is_storable(name) or not is_storable(value):
            raise ValidationError(invalid("attr", "control characters"))
        if not name or len(name) > _MAX_NAME:
            raise ValidationError.of("attr", "too_long", limit=_MAX_NAME)
        if len(value) > _MAX_VALUE:
            raise ValidationError.of(f"attr.{name}", "too_long", limit=_MAX_VALUE)
    return chosen


_REASONS: Mapping[str, str] = {
    "missing": "required",
    "string_type": "not_text",
    "int_type": "not_integer",
    "int_from_float": "not_integer",
    "bool_type": "not_boolean",
    "model_type": "not_mapping",
    "model_attributes_type": "not_mapping",
    "dict_type": "not_mapping",
    "extra_forbidden": "unexpected",
    "string_too_short": "required",
}
_LIMITS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("too_small", "ge"),
    "less_than_equal": ("too_large", "le"),
    "string_too_long": ("too_long", "max_length"),
}
_PATTERNS: Mapping[str, str] = {
    _CURRENCY: "not three capital letters",
    _COUNTRY: "not two letters",
}


def _translated(error: pydantic.ValidationError) -> ValidationError:
    """Pydantic's findings in the core's words."""
    return ValidationError(*(_field_error(dict(one)) for one in error.errors(include_url=False, include_input=False)))


def _field_error(found: dict[str, Any]) -> FieldError:
    name = ".".join(str(part) for part in found["loc"]) or "body"
    name = name.encode("utf-8", "replace").decode()[:_MAX_VALUE]
    kind, context = found["type"], found.get("ctx", {})
    if kind in _REASONS:
        return FieldError.of(name, _REASONS[kind])
    if kind in _LIMITS:
        reason, bound = _LIMITS[kind]
        return FieldError.of(name, reason, limit=context[bound])
    if kind == "literal_error":
        return FieldError.of(name, "unknown", choices=context["expected"].replace(" or ", ", ").replace("'", ""))
    return invalid(name, _why(kind, context))


def _why(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "json_invalid":
        return "malformed JSON"
    if kind == "value_error":
        return str(context["error"])
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(context["pattern"], kind)
    return str(kind)
