"""Tax rates by place, time, origin and customer, and what they take of lines."""

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from core_shop import ADDRESS, TestShop
from mestres_core import Commerce
from mestres_core.config import Config
from mestres_core.db import rulebook
from mestres_core.errors import NotFound, ProviderFailed, TransactionOwnershipError, ValidationError
from mestres_core.rules.tax import Rate, Taxed
from mestres_core.tax.dto import TaxSettings
from mestres_core.tax.remote import TaxesNeeded
from mestres_core.typing import TaxLine

US = {"country": "US"}
GERMANY = {"country": "DE"}
MG = {"country": "BR", "state": "MG"}
BA = {"country": "BR", "state": "BA"}
ICMS = {"MG": 18, "SP": 18, "BA": "20.5", "ES": 17}


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestShop]:
    """One shop for everything that is to change nothing: it has one rate, before and after."""
    made = TestShop(f"sqlite:///{tmp_path_factory.mktemp('still') / 'shop.db'}")
    made.tax.set_rate("VAT", percent=7)
    yield made
    made.close()


@pytest.fixture(scope="module")
def _bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestShop]:
    made = TestShop(f"sqlite:///{tmp_path_factory.mktemp('bare') / 'shop.db'}", taxes=TaxSettings(origin="MG"))
    yield made
    made.close()


@pytest.fixture
def bare(_bare: TestShop) -> Iterator[TestShop]:
    """A shop in MG without rates, and afterwards it has none again: for rules in which no database has a part."""
    yield _bare
    for rate in _bare.tax.rates():
        _bare.tax.remove_rate(rate.id)


def added(shop: Any, amount: int, address: Any = US, **more: Any) -> int:
    """What is added to one line of this amount."""
    return shop.tax.preview([{"amount": amount}], address=address, **more).added.amount


def test_no_rates_no_tax(bare: TestShop) -> None:
    """A shop that has set no rates adds nothing and contains nothing, as before there were any."""
    bare.tax.set_rate("VAT", percent=20, tax_class="other")
    preview = bare.tax.preview([{"amount": 1000}, {"amount": 5, "tax_class": "shipping"}], address=MG)

    assert (0, 0, ()) == (preview.added.amount, preview.included.amount, preview.by_name)
    assert [1000, 5] == [line.gross for line in preview.lines]


def test_the_most_specific_place_wins(shop: TestShop) -> None:
    """One tax has one rate for an address: a state's before a country's before everybody's; 0 % exempts."""
    shop.tax.set_rate("VAT", percent=10)
    shop.tax.set_rate("VAT", percent=23, country="us")
    shop.tax.set_rate("VAT", percent=0, country="US", region="or")

    assert [1000, 2300, 0] == [
        added(shop, 10000, address) for address in (GERMANY, US, {"country": "US", "state": "Or"})
    ]


def test_taxes_of_different_names_stand_beside_each_other(bare: TestShop) -> None:
    """State and city each take their own, in the order of their positions."""
    bare.tax.set_rate("City", percent="4.5", country="US", region="NY", position=2)
    bare.tax.set_rate("State", percent=4, country="US", region="NY", position=1)
    lines = [{"amount": 2000, "quantity": 2}, {"amount": 3499}]
    preview = bare.tax.preview(lines, address={"country": "US", "state": "NY"})

    assert (("State", 220), ("City", 247)) == preview.by_name
    assert 467 == preview.added.amount


def test_a_class_has_rates_of_its_own(bare: TestShop) -> None:
    """Goods of another class, and sending, are taxed by the rates of that class alone."""
    bare.tax.set_rate("VAT", percent=5)
    bare.tax.set_rate("VAT", percent=10, tax_class="shipping")
    bare.tax.set_rate("VAT", percent=7, mode="inclusive", tax_class="books")
    lines = [{"amount": 1000}, {"amount": 1000, "tax_class": "shipping"}, {"amount": 1070, "tax_class": "books"}]
    preview = bare.tax.preview(lines, address=US)

    assert [1050, 1100, 1070] == [line.gross for line in preview.lines]
    assert (150, 70) == (preview.added.amount, preview.included.amount)


def test_rates_have_their_time(shop: TestShop) -> None:
    """A rate holds from its first moment until before its last; a later one replaces it, a passing one gives way."""
    new_year, half_year = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 7))
    end = datetime(2026, 12, 31, tzinfo=UTC)
    shop.tax.set_rate("VAT", percent=23)
    shop.tax.set_rate("VAT", percent=15, starts_at=new_year)
    shop.tax.set_rate("VAT", percent=13, starts_at=half_year, ends_at=end)

    def at(moment: datetime) -> int:
        return added(shop, 10000, at=moment)

    before = timedelta(microseconds=1)
    assert [2300, 1500] == [at(new_year - before), at(new_year)]
    assert [1500, 1300, 1300, 1500] == [at(half_year - before), at(half_year), at(end - before), at(end)]
    assert [Decimal(23), Decimal(15)] == [rate.percent for rate in shop.tax.rates(at=new_year)]


def test_now_is_the_shops_clock(bare: TestShop) -> None:
    """Without a moment the rate of the shop's own present counts, also when it comes into force later."""
    bare.tax.set_rate("VAT", percent=20, starts_at=bare.clock.now() + timedelta(hours=1))
    before = added(bare, 1000)
    bare.clock.advance(hours=1)

    assert [0, 200] == [before, added(bare, 1000)]


def test_customers_of_one_type_have_rates_of_their_own(bare: TestShop) -> None:
    """Businesses buy without a tax that individuals pay."""
    bare.tax.set_rate("VAT", percent=20)
    bare.tax.set_rate("VAT", percent=0, customer_type="business")

    assert [200, 0] == [added(bare, 1000), added(bare, 1000, customer_type="business")]


BY_STATE: list[tuple[Any, str, dict[str, int]]] = [
    (MG, "individual", {"ICMS": 1800}),
    ({"state": "SP"}, "individual", {"DIFAL": 600, "ICMS": 1200}),  # 12 % within the South-East
    (BA, "individual", {"DIFAL": 1350, "ICMS": 700}),  # 7 % to the North-East
    ({"state": "ES"}, "individual", {"DIFAL": 1000, "ICMS": 700}),
    (BA, "business", {"ICMS": 700}),  # a business pays DIFAL itself
    ({"state": "AC"}, "individual", {}),  # a state without a rate
    (GERMANY, "individual", {}),
]


def test_icms(open_shop: Any) -> None:
    """ICMS is in the price, by the states of origin and arrival; what the state of arrival gets is DIFAL."""
    shop = open_shop(taxes=TaxSettings(origin="MG"))
    shop.tax.set_icms("MG", internal=ICMS)
    for address, customer_type, by_name in BY_STATE:
        preview = shop.tax.preview([{"amount": 10000}], address=address, customer_type=customer_type)

        assert by_name == dict(preview.by_name)
        assert (0, sum(by_name.values())) == (preview.added.amount, preview.included.amount)


def test_imported_goods_cross_borders_at_four_per_cent(bare: TestShop) -> None:
    """A class of imported goods has the Senate's 4 %, and DIFAL is the greater."""
    saved = bare.tax.set_icms("MG", internal=ICMS, tax_class="imported", imported=True)
    preview = bare.tax.preview([{"amount": 10000, "tax_class": "imported"}], address=BA)

    assert 7 == len(saved)
    assert {"ICMS": 400, "DIFAL": 1650} == dict(preview.by_name)


def test_the_test_year_of_cbs_and_ibs(bare: TestShop) -> None:
    """Informational rates are shown and in no sum."""
    bare.tax.set_rate("ICMS", percent=18, mode="gross", country="BR")
    for name, percent in (("CBS", "0.9"), ("IBS", "0.1")):
        bare.tax.set_rate(name, percent=percent, country="BR", informational=True)
    preview = bare.tax.preview([{"amount": 10000}], address=MG)

    assert {"ICMS": 1800, "CBS": 90, "IBS": 10} == dict(preview.by_name)
    assert (0, 1800, 10000) == (preview.added.amount, preview.included.amount, preview.lines[0].gross)


@pytest.mark.parametrize(
    ("settings", "tax"),
    [
        (TaxSettings(), 2323),
        (TaxSettings(level="unit"), 2320),
        (TaxSettings(level="order"), 2323),
        (TaxSettings(level="unit", rounding="up"), 2330),
        (TaxSettings(rounding="truncate"), 2323),
    ],
)
def test_level_and_rounding_are_settings(still: TestShop, settings: TaxSettings, tax: int) -> None:
    """10 x 10.10 at 23 %: the shop's settings say what is rounded, and how."""
    with Commerce(still.core.engine, Config(taxes=settings)).transaction() as shop:
        shop.tax.set_rate("VAT", percent=23, tax_class="settings")
        preview = shop.tax.preview([{"amount": 10100, "quantity": 10, "tax_class": "settings"}], address=US)
        shop.outbox.session.rollback()

    assert tax == preview.added.amount


def test_a_rate_that_is_set_again_is_changed(shop: TestShop) -> None:
    """The same name for the same class, place, customers and beginning is one rate; orders keep what they have."""
    first = shop.tax.set_rate("VAT", percent=20, country="DE")
    second = shop.tax.set_rate("VAT", percent="9.975", country="de", mode="inclusive")

    assert (first.id, 99_750, "inclusive") == (second.id, second.ppm, second.mode)
    assert (second,) == shop.tax.rates() == shop.tax.rates(tax_class="standard")
    assert () == shop.tax.rates(tax_class="shipping")
    shop.tax.remove_rate(second.id)
    assert () == shop.tax.rates()
    assert 0 == added(shop, 1000, GERMANY)
    with pytest.raises(NotFound):
        shop.tax.remove_rate(second.id)


RATE = {"percent": 20}
PREVIEW: dict[str, Any] = {"lines": [{"amount": 1}], "address": {}}
WRONG = [
    ("set_rate", ("",), RATE, "name"),
    ("set_rate", (7,), RATE, "name"),
    ("set_rate", ("x" * 41,), RATE, "name"),
    ("set_rate", ("VAT",), {"percent": -1}, "percent"),
    ("set_rate", ("VAT",), {"percent": True}, "percent"),
    ("set_rate", ("VAT",), {"percent": "much"}, "percent"),
    ("set_rate", ("VAT",), {"percent": "0.00001"}, "percent"),
    ("set_rate", ("VAT",), {"percent": float("nan")}, "percent"),
    ("set_rate", ("VAT",), {"percent": None}, "percent"),
    ("set_rate", ("VAT",), {"percent": 1001}, "percent"),
    ("set_rate", ("VAT",), {"percent": 100, "mode": "gross"}, "percent"),
    ("set_rate", ("VAT",), RATE | {"mode": "included"}, "mode"),
    ("set_rate", ("VAT",), RATE | {"country": "BRA"}, "country"),
    ("set_rate", ("VAT",), RATE | {"country": "1A"}, "country"),
    ("set_rate", ("VAT",), RATE | {"region": "MG"}, "country"),
    ("set_rate", ("VAT",), RATE | {"country": "BR", "region": "XX"}, "region"),
    ("set_rate", ("VAT",), RATE | {"tax_class": ""}, "tax_class"),
    ("set_rate", ("VAT",), RATE | {"origin": 5}, "origin"),
    ("set_rate", ("VAT",), RATE | {"customer_type": "x" * 21}, "customer_type"),
    ("set_rate", ("VAT",), RATE | {"starts_at": datetime(2026, 1, 1)}, "starts_at"),  # noqa: DTZ001
    ("set_rate", ("VAT",), RATE | {"ends_at": "2026-01-01"}, "ends_at"),
    (
        "set_rate",
        ("VAT",),
        RATE | {"starts_at": datetime(2026, 1, 2, tzinfo=UTC), "ends_at": datetime(2026, 1, 1, tzinfo=UTC)},
        "ends_at",
    ),
    ("set_rate", ("VAT",), RATE | {"informational": "no"}, "informational"),
    ("set_rate", ("VAT",), RATE | {"compound": 1}, "compound"),
    ("set_rate", ("VAT",), RATE | {"position": 1.5}, "position"),
    ("set_rate", ("V\0",), RATE, "name"),
    ("set_icms", ("XX",), {"internal": ICMS}, "origin"),
    ("set_icms", ("RJ",), {"internal": ICMS}, "internal.RJ"),
    ("set_icms", ("MG",), {"internal": [18]}, "internal"),
    ("set_icms", ("MG",), {"internal": ICMS | {"SP": 100}}, "internal.SP"),
    ("set_icms", ("MG",), {"internal": ICMS | {"YY": 18}}, "internal"),
    ("set_icms", ("MG",), {"internal": ICMS, "imported": None}, "imported"),
    ("set_icms", ("MG",), {"internal": ICMS, "tax_class": 3}, "tax_class"),
    ("rates", (), {"tax_class": 5}, "tax_class"),
    ("rates", (), {"at": "today"}, "at"),
    ("preview", (), PREVIEW | {"lines": None}, "lines"),
    ("preview", (), PREVIEW | {"lines": "abc"}, "lines"),
    ("preview", (), PREVIEW | {"lines": [{"amount": -1}]}, "lines[0].amount"),
    ("preview", (), PREVIEW | {"lines": [{"amount": 1, "quantity": 0}]}, "lines[0].quantity"),
    ("preview", (), PREVIEW | {"lines": [{"amount": 1, "color": "red"}]}, "lines[0].color"),
    ("preview", (), PREVIEW | {"lines": [{"amount": 1, "codes": "ncm"}]}, "lines[0].codes"),
    ("preview", (), PREVIEW | {"lines": [{"amount": 1, "tax_class": ""}]}, "lines[0].tax_class"),
    ("preview", (), PREVIEW | {"address": None}, "address"),
    ("preview", (), PREVIEW | {"address": {"country": "Brasil"}}, "address.country"),
    ("preview", (), PREVIEW | {"currency": "real"}, "currency"),
    ("preview", (), PREVIEW | {"customer_type": 5}, "customer_type"),
    ("preview", (), PREVIEW | {"at": 5}, "at"),
]


@pytest.mark.parametrize(("method", "arguments", "named", "field"), WRONG)
def test_a_wrong_argument_is_named_and_changes_nothing(
    still: TestShop, method: str, arguments: Any, named: Any, field: str
) -> None:
    """Each wrong argument gives one ValidationError that names it; the rates stay as they were."""
    with pytest.raises(ValidationError) as error:
        getattr(still.tax, method)(*arguments, **named)
    assert [field] == [each.field for each in error.value.errors]
    assert [("VAT", 70_000)] == [(rate.name, rate.ppm) for rate in still.tax.rates()]


def test_every_wrong_field_is_named_at_once(still: TestShop) -> None:
    """One error names all of them."""
    with pytest.raises(ValidationError) as error:
        still.tax.set_rate("", percent="x", mode="y", country="z", position="p")
    assert {"name", "percent", "mode", "country", "position"} == {each.field for each in error.value.errors}


@pytest.mark.parametrize("rate_id", [0, -1, 99, "1", None, 2**63])
def test_unknown_rates_cannot_be_removed(still: TestShop, rate_id: Any) -> None:
    """An id that is none, or of nothing, is not found."""
    with pytest.raises(NotFound):
        still.tax.remove_rate(rate_id)


@pytest.mark.parametrize(("field", "value"), [("level", "item"), ("rounding", "bankers")])
def test_unknown_settings_are_refused(field: str, value: str) -> None:
    """A level or rounding that there is not is an error that names those that there are."""
    with pytest.raises(ValueError, match=f"{field} must be one of"):
        TaxSettings(**{field: value})


def test_rates_that_are_everything_together_are_refused(sqlite_shop: TestShop) -> None:
    """Each rate on the gross price may be right, and all of them 100 %: then nothing is taxed, and it is said why."""
    for name in "AB":
        sqlite_shop.tax.set_rate(name, percent=50, mode="gross")
    with pytest.raises(ValidationError, match="100 % together"):
        sqlite_shop.tax.preview([{"amount": 1000}], address=MG)


def test_taxing_sends_no_statement_once_the_rates_are_known(shop: TestShop) -> None:
    """With the stamp that was read with the cart, rates come from memory; a change is seen by the next stamp."""
    shop.tax.set_rate("VAT", percent=20)
    line = TaxLine(key=1, amount=1000)

    def tax(services: Any) -> tuple[int, int]:
        stamp = rulebook.stamp_of(services.outbox.session)
        with shop.statements() as sent:
            (found,) = services.tax.calculate([line], address=MG, currency="BRL", stamp=stamp)
        return found.added, len(sent)

    assert [(200, 1), (200, 0)] == [shop.core.read(tax), shop.core.read(tax)]
    shop.tax.set_rate("VAT", percent=10)
    assert [(100, 1), (100, 0)] == [shop.core.read(tax), shop.core.read(tax)]


def test_rates_live_in_the_hosts_transaction(shop: TestShop) -> None:
    """What the host rolls back was never a rate; within its transaction it is one."""
    with Session(shop.core.engine) as session:
        services = shop.core.on(session)
        services.tax.set_rate("VAT", percent=20)
        inside = services.tax.preview([{"amount": 1000}], address=MG).added.amount
        session.rollback()

    assert [200, 0] == [inside, added(shop, 1000, MG)]


class HalfCalculator:
    """Takes half of everything, and remembers what it was asked."""

    remote = False

    def __init__(self, **wrong: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.wrong = wrong

    def calculate(self, lines: Any, **context: Any) -> list[Taxed]:
        self.asked.append(context)
        rate = Rate(name="Half", ppm=500_000)
        fields = [
            {"key": each.key, "net": each.amount, "gross": each.amount * 3 // 2, "parts": ((rate, each.amount // 2),)}
            for each in lines
        ]
        return [Taxed(**(each | self.wrong)) for each in fields]


def test_a_host_may_bring_its_own_calculator(open_shop: Any) -> None:
    """It is asked instead of the rates, and told address, currency, moment, type of customer and origin."""
    calculator = HalfCalculator()
    shop = open_shop(tax=calculator, taxes=TaxSettings(origin="MG"))
    shop.tax.set_rate("VAT", percent=20)

    assert 500 == added(shop, 1000, ADDRESS)
    (context,) = calculator.asked
    assert {"origin": "MG", "currency": "BRL", "customer_type": "individual", "at": shop.clock.now()} == {
        name: value for name, value in context.items() if name != "address"
    }
    assert "MG" == context["address"]["state"]


@pytest.mark.parametrize(
    "wrong", [{"gross": 1}, {"net": 999}, {"key": "another"}, {"parts": ()}, {"parts": ((Rate(name="x", ppm=1), -1),)}]
)
def test_an_answer_that_does_not_add_up_is_none(tmp_path: Any, wrong: dict[str, Any]) -> None:
    """A calculator whose parts are not the whole has failed: nothing is charged by it."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with Commerce.open(url, tax=HalfCalculator(**wrong)) as shop, pytest.raises(ProviderFailed):
        added(shop, 1000)


@pytest.mark.parametrize("answer", [None, 7, "x", [7], [None]], ids=repr)
def test_an_answer_of_another_shape_is_none(tmp_path: Any, answer: Any) -> None:
    """Neither nothing nor what is no list of taxed lines."""

    class Odd:
        remote = False

        def calculate(self, lines: Any, **context: Any) -> Any:
            return answer

    url = f"sqlite:///{tmp_path}/shop.db"
    with Commerce.open(url, tax=Odd()) as shop, pytest.raises(ProviderFailed, match="tax calculator"):
        added(shop, 1000)


class RemoteCalculator(HalfCalculator):
    """The same behind a network, which notices when a transaction is open while it is waited for."""

    remote = True

    def __init__(self, **wrong: Any) -> None:
        super().__init__(**wrong)
        self.open: Callable[[], int] = lambda: 0
        self.waits: list[int] = []

    def calculate(self, lines: Any, **context: Any) -> list[Taxed]:
        self.waits.append(self.open())
        return super().calculate(lines, **context)


@pytest.fixture
def remote(open_shop: Any) -> tuple[TestShop, RemoteCalculator]:
    """A shop with a remote calculator."""
    calculator = RemoteCalculator()
    shop = open_shop(tax=calculator)
    running = {"now": 0}
    for name, step in (("begin", 1), ("commit", -1), ("rollback", -1)):
        event.listen(shop.core.engine, name, lambda _connection, step=step: running.update(now=running["now"] + step))
    calculator.open = lambda: running["now"]
    return shop, calculator


def test_a_remote_calculator_is_asked_between_transactions(remote: tuple[TestShop, RemoteCalculator]) -> None:
    """The call ends its transaction, asks, and is done again; the same question is answered from memory for a while."""
    shop, calculator = remote
    seen = []

    def half(amount: int) -> int:
        def work(services: Any) -> int:
            services.tax.rates()  # a statement: the transaction is under way
            seen.append(calculator.open())
            return added(services, amount)

        return shop.core.run(work)

    assert [500, 500, 600] == [half(1000), half(1000), half(1200)]
    assert ([0, 0], {1}) == (calculator.waits, set(seen))
    shop.clock.advance(minutes=15, seconds=1)
    assert 500 == half(1000)
    assert [0, 0, 0] == calculator.waits


def test_the_host_has_the_question_answered_between_its_own(remote: tuple[TestShop, RemoteCalculator]) -> None:
    """In the host's transaction nothing is waited for: the question comes as an error, which knows how to ask."""
    shop, calculator = remote
    lines = [{"amount": 1000}]
    with Session(shop.core.engine) as session:
        shop.core.on(session).tax.rates()
        with pytest.raises(TaxesNeeded) as needed:
            shop.core.on(session).tax.preview(lines, address=US)
        assert ([], 1) == (calculator.waits, calculator.open())
        session.rollback()
        needed.value.ask()
        found = shop.core.on(session).tax.preview(lines, address=US)

    assert 500 == found.added.amount
    assert isinstance(needed.value, TransactionOwnershipError)


def test_a_remote_calculator_that_fails_is_named(tmp_path: Any) -> None:
    """Whatever it raises, the caller gets ProviderFailed, and nothing was changed."""

    class Down(HalfCalculator):
        remote = True

        def calculate(self, lines: Any, **context: Any) -> list[Taxed]:
            raise TimeoutError

    url = f"sqlite:///{tmp_path}/shop.db"
    with Commerce.open(url, tax=Down()) as shop, pytest.raises(ProviderFailed, match="tax calculator"):
        added(shop, 1000)


def test_a_calculator_that_always_asks_anew_ends(tmp_path: Any) -> None:
    """Questions that change with every try are not answered for ever."""
    asked = itertools.count()
    with Commerce.open(f"sqlite:///{tmp_path}/shop.db", tax=RemoteCalculator()) as shop, pytest.raises(TaxesNeeded):
        shop.run(lambda services: services.tax.preview([{"amount": next(asked)}], address=US))
    assert 6 == next(asked)
