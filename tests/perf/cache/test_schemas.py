"""Classes of the user's own: they come back when they are declared and have the shape that they had."""

import sys
from collections import namedtuple
from dataclasses import dataclass, field, make_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, Flag, IntEnum, auto
from typing import Annotated, ClassVar, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf.cache._codec import JsonCodec
from mestres_perf.cache._schemas import Schema
from mestres_perf.errors import CodecError, ConfigurationError


class Currency(Enum):
    BRL = "BRL"
    REAL = "BRL"  # noqa: PIE796 - a second name for the first
    EUR = "EUR"


class Rank(IntEnum):
    LOW = 1


class Right(Flag):
    READ = auto()
    WRITE = auto()


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: Currency


class Place(NamedTuple):
    x: int
    y: int = 0


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - those without types, too


@dataclass
class Product:
    sku: str
    price: Money
    since: date | None = None
    notes: list[str] = field(default_factory=list)
    made: int = field(default=0, init=False)
    shelf: ClassVar[int] = 7

    def __post_init__(self):
        self.made += 1


TYPES = (Currency, Rank, Right, Money, Place, Pair, Product)
MONEY = st.builds(Money, st.decimals(allow_nan=False), st.sampled_from(Currency))
VALUES = st.one_of(
    MONEY,
    st.builds(Product, st.text(), MONEY, st.none() | st.dates(), st.lists(st.text())),
    st.builds(Place, st.integers(), st.integers()),
    st.builds(Pair, MONEY, st.text()),
    st.sampled_from([*Currency, *Rank, Right.READ, Right.READ | Right.WRITE, Right(0)]),
)


def without_msgspec():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msgspec", None)
        codec = JsonCodec(TYPES)
        assert "quick" not in codec._text.loads.__name__
    return codec


BOTH = (JsonCodec(TYPES), without_msgspec())


@settings(deadline=None)
@given(st.lists(VALUES, max_size=3), VALUES)
def test_round_trip(several, one):
    """What is declared comes back equal, of the same class, at any depth, with msgspec and without."""
    value = {"several": several, "one": (one, {"$": one}), "set": {Currency.EUR, Money(Decimal(1), Currency.BRL)}}
    for writer in BOTH:
        for reader in BOTH:
            back = reader.decode(*writer.encode(value))
            assert back == value
            assert [type(each) for each in back["several"]] == [type(each) for each in several]
            assert type(back["one"][0]) is type(one)


def test_the_state_is_restored():
    """What comes back has the state that was stored: `__post_init__` is not called again."""
    product = Product("A1", Money(Decimal(1), Currency.BRL))
    product.made = 5

    assert BOTH[0].decode(*BOTH[0].encode(product)).made == 5


def shaped(*fields, name="Thing", **options):
    return make_dataclass(name, fields, namespace={"__module__": __name__}, **options)


SHAPES = {
    "another field": [shaped(("a", int)), shaped(("a", int), ("b", int))],
    "another name of a field": [shaped(("a", int)), shaped(("b", int))],
    "another type": [shaped(("a", int)), shaped(("a", str))],
    "another order": [shaped(("a", int), ("b", int)), shaped(("b", int), ("a", int))],
    "another class": [shaped(("a", int)), shaped(("a", int), name="Other")],
    "another sort": [shaped(("a", int)), NamedTuple("Thing", [("a", int)])],
    "a tuple's fields": [NamedTuple("Thing", [("a", int)]), NamedTuple("Thing", [("b", int)])],
    "a tuple's types": [NamedTuple("Thing", [("a", int)]), NamedTuple("Thing", [("a", str)])],
}


@pytest.mark.parametrize(("old", "new"), SHAPES.values(), ids=SHAPES)
def test_another_shape_is_another_class(old, new):
    """A class with other fields, types, order, name or of another sort does not read what the first has written."""
    before, after = JsonCodec([old]), JsonCodec([new])
    written = before.encode(old(*range(len(old.__annotations__))))

    assert type(before.decode(*written)) is old
    with pytest.raises(CodecError):
        after.decode(*written)
    with pytest.raises(CodecError):
        JsonCodec().decode(*written)


def test_another_enum_is_another_class():
    """An enum with a member more, or with another value, does not read what the first has written."""
    old = Enum("Size", {"S": 1, "M": 2})
    written = JsonCodec([old]).encode(old.S)
    for new in (Enum("Size", {"S": 1, "M": 2, "L": 3}), Enum("Size", {"S": 0, "M": 2})):
        with pytest.raises(CodecError):
            JsonCodec([new]).decode(*written)


def test_a_name_means_the_same_in_every_process():
    """Where an object lies in memory is no part of a class's name."""
    names = {Schema.of(shaped(("a", Annotated[int, object()]))).name for _ in range(3)}
    assert len(names) == 1


def test_only_declared_classes_are_built():
    """A class that is not declared is not written, also when one that is contains it."""
    codec = JsonCodec([Money])
    with pytest.raises(CodecError, match=r"types=\(Currency,\)"):
        codec.encode(Money(Decimal(1), Currency.BRL))


@pytest.mark.parametrize("text", ["[]", "[1]", "[1,2,3]", "{}", "1", '"ab c"', "null"])
def test_wrong_parts(text):
    """A declared class with another number of parts is damage."""
    for kind in (Money, Place, Pair, Currency, Right):
        words = b'{"$":"%s","v":%s}' % (Schema.of(kind).name.encode(), text.encode())
        if (kind, text) == (Right, "[1]"):
            assert BOTH[0].decode(b"w", words) is Right.READ
            continue
        with pytest.raises(CodecError):
            BOTH[0].decode(b"w", words)


class Oops(Exception):
    pass


@pytest.mark.parametrize("wrong", [dict, str, 5, "Money", list[int], Money(Decimal(1), Currency.BRL), tuple, object])
def test_what_cannot_be_declared(wrong):
    """What is no dataclass, enum or NamedTuple is refused by name."""
    with pytest.raises(ConfigurationError, match="dataclasses, enums and NamedTuples"):
        JsonCodec([wrong])


def test_what_cannot_be_rebuilt():
    """A dataclass that is an exception cannot be built from its fields; two of one name cannot be told apart."""
    with pytest.raises(ConfigurationError, match="rebuilt"):
        JsonCodec([dataclass(type("Failure", (Oops,), {"__annotations__": {"why": str}}))])
    with pytest.raises(ConfigurationError, match="same name"):
        JsonCodec([shaped(("a", int)), shaped(("a", int))])
    JsonCodec([Money, Money])
