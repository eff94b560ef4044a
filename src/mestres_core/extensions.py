"""What a shop is extended with, looked at when the shop is opened and not when a buyer first needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from mestres_core.promotions.definitions import ACTIONS, CONDITIONS
from mestres_core.rules.merging import POLICIES

# What each setting must be able to do, and the protocol of mestres_core.typing that says so.
_ONE: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "prices": ("PriceResolver", ("resolve",)),
    "tax": ("TaxCalculator", ("calculate",)),
    "allocator": ("StockAllocator", ("allocate",)),
    "numbers": ("OrderNumberGenerator", ("next",)),
    "reservations": ("ReservationPolicy", ("hold",)),
    "rounding": ("RoundingPolicy", ("round",)),
    "search": ("SearchBackend", ("search", "save", "remove", "replace")),
    "clock": ("Clock", ("now",)),
    "ids": ("Ids", ("token", "order_number")),
}
_PROVIDER: Final = ("name", "methods", "charge", "capture", "refund", "lookup", "read_event")
_WORDS: Final[Mapping[str, Sequence[str]]] = {
    "conditions": CONDITIONS,
    "actions": ACTIONS,
    "merge_policies": tuple(POLICIES),
}
_LONGEST_WORD: Final = 40


def check_shapes(settings: Mapping[str, Any]) -> None:
    """Raises TypeError for something that lacks what its protocol asks for, ValueError for a word that is taken."""
    for name, (protocol, calls) in _ONE.items():
        if settings.get(name) is not None:
            _can(name, settings[name], protocol, calls)
    rater = settings.get("shipping")
    if rater is not None and not hasattr(rater, "parcels"):
        _can("shipping", rater, "ShippingRater", ("options",))
    for number, provider in enumerate(settings.get("providers", ())):
        _can(f"providers[{number}]", provider, "PaymentProvider", _PROVIDER)
    named = Counter(provider.name for provider in settings.get("providers", ()))
    twice = [name for name, times in named.items() if times > 1]
    if twice:
        raise ValueError(f"providers: two are called {twice[0]!r}; a payment is known by its provider's name")
    for number, sink in enumerate(settings.get("sinks", ())):
        if not callable(sink):
            raise TypeError(f"sinks[{number}]: {_kind(sink)} cannot be called; see mestres_core.typing.EventSink")
    for name, taken in _WORDS.items():
        _check_words(name, settings.get(name, {}), taken)


def _check_words(name: str, words: Any, taken: Sequence[str]) -> None:
    if not isinstance(words, Mapping):
        raise TypeError(f"{name}: a mapping from words is expected, not {_kind(words)}")
    for word, made in words.items():
        where = f"{name}[{word!r}]"
        if not isinstance(word, str) or not word.isidentifier() or len(word) > _LONGEST_WORD:
            raise ValueError(f"{where}: a word is a name of letters, digits and _, at most {_LONGEST_WORD}")
        if word in taken:
            raise ValueError(f"{where}: the shop has this word already; taken are {', '.join(taken)}")
        if name == "merge_policies":
            _can(where, made, "CartMergePolicy", ("merge",))
        elif not callable(made):
            raise TypeError(f"{where}: a class, or a function that makes one, is expected, not {_kind(made)}")


def _can(where: str, value: Any, protocol: str, attributes: Sequence[str]) -> None:
    help_ = f"see mestres_core.typing.{protocol}"
    if isinstance(value, type):
        raise TypeError(f"{where}: an object is expected, not the class itself: give {value.__name__}(...); {help_}")
    missing = list(_missing(value, attributes))
    if missing:
        raise TypeError(f"{where}: {_kind(value)} has no {', '.join(missing)}; {help_}")


def _missing(value: Any, attributes: Sequence[str]) -> Iterator[str]:
    for attribute in attributes:
        found: Callable[..., Any] | Any = getattr(value, attribute, None)
        if found is None or (attribute not in ("name", "methods") and not callable(found)):
            yield attribute if attribute in ("name", "methods") else f"{attribute}()"


def _kind(value: Any) -> str:
    return type(value).__name__
