"""Every refusal has a code, a title and a sentence in two languages."""

import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from mestres_core import errors
from mestres_core.errors import CommerceError, FieldError, ValidationError

SAMPLES: list[CommerceError] = [
    ValidationError.of("sku", "too_long", limit=64),
    errors.NotFound("cart", "x{y}"),
    errors.Conflict(message="no"),
    errors.InsufficientStock(sku="A1", requested=2, available=1),
    errors.QuoteChanged(quote=None, changes={"grand": (1, 2)}),
    errors.CartEmpty("c"),
    errors.NotPublished(sku="A", channel="usa"),
    errors.CartClosed("c"),
    errors.CouponNotApplicable(coupon="CAFE10", reason="expired"),
    errors.ProviderFailed("card"),
    errors.VersionConflict(expected=1, actual=2),
    errors.IdempotencyConflict("k"),
    errors.IllegalTransition(what="order 1", state="completed", target="placed"),
    errors.PaymentDeclined(order=SimpleNamespace(number="MC-1")),
    errors.InvalidSignature("pix"),
    errors.TransactionOwnershipError("place"),
    errors.RetryableError("deadlock"),
    errors.OutcomeUnknown(),
    errors.InsufficientFunds(account="1234", requested=2, available=1),
    errors.AccountNotUsable(account="1234", reason="expired"),
    errors.DatabaseNotReady("no tables", "migrate"),
    errors.ExtensionFailed("the price resolver", "one price is asked for"),
    errors.PluginError("coffee", "is not installed", "install it"),
    errors.AlreadyReviewed(product_id=1, review_id=2),
    errors.ErasureRefused(orders=("MC-1", "MC-2")),
    errors.SearchUnavailable("timed out"),
    errors.FeedError("lots.csv", "is empty", "give it a heading line"),
]


def classes(root: type[CommerceError] = CommerceError) -> list[type[CommerceError]]:
    """The whole tree; a room that says more precisely which of them it is keeps its code."""
    children = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    return [root, *(each for child in children for each in classes(child))]


def test_every_class_is_told_apart() -> None:
    """Codes are unique; every class has a title in each language, and every one but the root a sample here."""
    codes = [each.code for each in classes()]
    assert sorted(set(codes)) == sorted(codes)
    assert all(len(each.title) == len(each.sentence) == 2 and all(each.title) for each in classes())
    assert set(classes()) - {CommerceError} == {type(each) for each in SAMPLES}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_errors_speak_both_languages(error: CommerceError) -> None:
    """An instance describes itself, in English by default, and survives a journey between processes."""
    assert error.describe() == str(error) == error.describe("fr")
    assert error.describe("pt-BR")
    again: Any = pickle.loads(pickle.dumps(error))
    assert (type(error), str(error)) == (type(again), str(again))
    assert error.data == again.data or type(error) is ValidationError


def test_every_reason_has_its_sentences() -> None:
    """Each reason of a wrong field reads well in both languages."""
    data = {"limit": 1, "choices": "a", "reason": "r", "value": "v", "currency": "BRL", "total": 2, "given": 1}
    for reason in errors._FIELD_SENTENCES:
        error = FieldError.of("f", reason, **data)
        assert error.describe("en") != error.describe("pt-BR")


def test_what_is_missing_is_named_in_the_readers_language() -> None:
    """A Portuguese sentence has no English noun in it."""
    assert "Não há produto 'x'" == errors.NotFound("product", "x").describe("pt-BR")
    assert "No product 'x'" == str(errors.NotFound("product", "x"))
