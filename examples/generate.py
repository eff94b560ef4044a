"""Plausible data in any amount, the same on every machine: `products` for a catalogue, `baskets` for orders.

Everything comes from one random.Random(seed) by `random()` alone, whose sequence is the same in every Python version.
Nothing here touches a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from random import Random
from typing import TypeVar
from zlib import crc32

from mestres_core import ProductDraft, VariantDraft
from mestres_core.rules.text import slug
from mestres_examples.catalogue import load

T = TypeVar("T")

_REGIONS = {
    "Cerrado Mineiro": (900, 1250),
    "Sul de Minas": (900, 1250),
    "Mantiqueira de Minas": (1050, 1450),
    "Matas de Minas": (800, 1250),
    "Chapada Diamantina": (950, 1350),
    "Caparaó": (900, 1350),
    "Montanhas do Espírito Santo": (800, 1250),
    "Norte Pioneiro do Paraná": (600, 900),
    "Alta Mogiana": (850, 1150),
    "Média Mogiana": (900, 1250),
    "Chapada de Minas": (850, 1100),
    "Planalto da Conquista": (800, 1000),
}
"""Each region with its lowest and highest plantations, in metres."""

_VARIETIES = (
    "Bourbon Amarelo",
    "Catuaí Vermelho",
    "Catuaí Amarelo",
    "Mundo Novo",
    "Icatu Amarelo",
    "Arara",
    "Acaiá",
    "Catucaí Amarelo",
    "Topázio",
    "Obatã",
    "Rubi",
    "Paraíso",
)
_PROCESSES = ("Natural", "Cereja descascado", "Lavado", "Honey", "Fermentação anaeróbica", "Maceração carbônica")
_ROASTS = ("Clara", "Média clara", "Média", "Média escura")
_NOTES = (
    "caramelo,chocolate ao leite,cacau,rapadura,mel,melado,doce de leite,avelã,amêndoa,castanha,nozes,laranja,"
    "tangerina,limão-siciliano,pêssego,damasco,maçã,pera,uva-passa,ameixa,morango,cereja,framboesa,jasmim,"
    "flor de laranjeira,capim-limão,baunilha,canela,abacaxi,maracujá"
).split(",")
_FARM_KINDS = ("Fazenda", "Sítio", "Chácara", "Rancho")
_FARM_THINGS = (
    "Água,Pedra,Serra,Grota,Mata,Vereda,Ladeira,Nascente,Baixada,Figueira,Paineira,Jabuticabeira,Porteira,Cachoeira,"
    "Lagoa,Várzea,Capoeira,Encosta,Aroeira,Palmeira"
).split(",")
_FARM_TRAITS = (
    "da Esperança,do Norte,da Neblina,do Sabiá,da Saudade,do Meio,de Cima,da Lua,do Vento,da Garoa,do Tropeiro,"
    "da Alvorada,do Beija-Flor,da Viola,do Carro de Boi,da Geada,do Mutirão,da Estrela,do Sereno,da Cruz"
).split(",")
_KINDS = (("Café", "Grãos", "Clássicos", "grao"), ("Moído", "Moídos", "Para coador", "moido"))
_SIZES = ((250, 265), (500, 520), (1000, 1035))
"""Net and gross weight of a packet, in grams."""

_FIRST_NAMES = (
    "Ana,Beatriz,Caio,Daniela,Eduardo,Fernanda,Gabriel,Helena,Igor,Juliana,Lucas,Mariana,Nicolas,Olívia,Paulo,Rafaela,"
    "Sérgio,Tainá,Vinícius,Yasmin,Antônio,Conceição,João,Luíza"
).split(",")
_LAST_NAMES = (
    "Almeida,Barbosa,Cardoso,Dias,Esteves,Ferreira,Gonçalves,Lima,Macedo,Nogueira,Oliveira,Pereira,Queiroz,Ribeiro,"
    "Souza,Teixeira,Vasconcelos,Xavier,Araújo,Moreira"
).split(",")
_STREETS = (
    "Rua das Acácias,Rua do Comércio,Avenida Brasil,Rua XV de Novembro,Travessa da Paz,Rua Tiradentes,Alameda dos Ipês,"
    "Rua São José,Avenida Getúlio Vargas,Rua Sete de Setembro,Rua da Matriz,Rua dos Tropeiros"
).split(",")
_CITIES = (
    ("São Paulo", "SP", 1000, 5999),
    ("Campinas", "SP", 13010, 13139),
    ("Rio de Janeiro", "RJ", 20000, 23799),
    ("Vitória", "ES", 29000, 29099),
    ("Belo Horizonte", "MG", 30110, 31999),
    ("Patrocínio", "MG", 38740, 38749),
    ("Salvador", "BA", 40010, 42599),
    ("Recife", "PE", 50000, 52999),
    ("Fortaleza", "CE", 60000, 61599),
    ("Manaus", "AM", 69000, 69099),
    ("Brasília", "DF", 70002, 72799),
    ("Goiânia", "GO", 74000, 74899),
    ("Cacoal", "RO", 76960, 76968),
    ("Curitiba", "PR", 80010, 82999),
    ("Florianópolis", "SC", 88010, 88099),
    ("Porto Alegre", "RS", 90010, 91999),
)
"""City, state, and the first five digits of its lowest and highest postal code."""

_CPF_BASE = 10**9
_NAMESAKES = 50
"""How many customers share a name: with 480 names, who buys much comes back."""

_MOST_LINES = 5
_SKEW = 0.9
"""Exponent of the popularity of the SKUs: the n-th is bought in proportion to 1 / n**_SKEW."""

_DECLINED = 0.02


@dataclass(frozen=True, slots=True)
class BasketLine:
    """So many pieces of one SKU."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where an order goes; `postal_code` as 38740-000, `state` as two letters."""

    street: str
    number: str
    district: str
    city: str
    state: str
    postal_code: str
    country: str = "BR"


@dataclass(frozen=True, slots=True)
class Basket:
    """What one customer buys at once. `document` is a valid CPF of eleven digits."""

    number: int
    name: str
    email: str
    document: str
    address: Address
    lines: tuple[BasketLine, ...]
    payment_token: str


def products(n: int, seed: int = 7) -> Iterator[ProductDraft]:
    """The first `n` products: the demo catalogue, then generated coffees. Keys, slugs and SKUs are all different."""
    catalogue = load()
    yield from islice(catalogue, n)
    dice = Random(seed)  # noqa: S311 - data for trying things out, not a secret
    for number in range(1, n - len(catalogue) + 1):
        yield _coffee(dice, number)


def baskets(n: int, skus: Sequence[str], seed: int = 7) -> Iterator[Basket]:
    """`n` orders of one to five different `skus`; the earlier a SKU stands in the list, the oftener it is bought."""
    if not skus:
        return
    dice = Random(seed)  # noqa: S311
    popularity = list(accumulate((place + 1) ** -_SKEW for place in range(len(skus))))
    for number in range(1, n + 1):
        yield _basket(dice, number, skus, popularity)


def _coffee(dice: Random, number: int) -> ProductDraft:
    kind, root, branch, image = _pick(dice, _KINDS)
    region = _pick(dice, tuple(_REGIONS))
    farm = f"{_pick(dice, _FARM_THINGS)} {_pick(dice, _FARM_TRAITS)}"
    producer = f"{_pick(dice, _FARM_KINDS)} {farm}"
    variety, process, roast = _pick(dice, _VARIETIES), _pick(dice, _PROCESSES), _pick(dice, _ROASTS)
    notes = _several(dice, _NOTES, 3)
    low, high = _REGIONS[region]
    altitude = low + 10 * _below(dice, (high - low) // 10 + 1)
    quarters = 320 + _below(dice, 41)  # 80 to 90 points in steps of a quarter
    name = f"{kind} {farm} {variety} Lote {number}"
    return ProductDraft(
        key=f"gerado:{number}",
        slug=slug(name),
        name=name,
        description=(
            f"{variety}, {process.lower()}, colhido a {altitude} metros. "
            f"Na xícara aparecem {notes[0]} e {notes[1]}, com final de {notes[2]}."
        ),
        category=(root, branch),
        attributes={
            "Região": region,
            "Produtor": producer,
            "Variedade": variety,
            "Processo": process,
            "Torra": roast,
            "Notas": ", ".join(notes),
            "Altitude": f"{altitude // 1000}.{altitude % 1000:03d} m" if altitude > 999 else f"{altitude} m",  # noqa: PLR2004
            "Pontuação": f"{quarters / 4:g}".replace(".", ","),
        },
        variants=_packets(dice, number, quarters),
        images=(f"/static/img/{image}.svg",),
    )


def _packets(dice: Random, number: int, quarters: int) -> tuple[VariantDraft, ...]:
    """One to three packet sizes; 250 g cost R$ 34,90 at 80 points and R$ 1,40 more for each quarter above."""
    per_250 = 3490 + 140 * (quarters - 320)
    sizes = _SIZES[: 1 + _below(dice, len(_SIZES))]
    return tuple(
        VariantDraft(
            sku=f"G{number:07d}-{net}",
            name="1 kg" if net == 1000 else f"{net} g",  # noqa: PLR2004
            price=per_250 * net // 250 * (100 - 3 * place) // 100,
            weight_grams=gross,
            stock=0 if dice.random() < 0.03 else 5 + _below(dice, 400),  # noqa: PLR2004 - three in a hundred are sold out
        )
        for place, (net, gross) in enumerate(sizes)
    )


def _basket(dice: Random, number: int, skus: Sequence[str], popularity: Sequence[float]) -> Basket:
    first, last = _pick(dice, _FIRST_NAMES), _pick(dice, _LAST_NAMES)
    city, state, low, high = _pick(dice, _CITIES)
    email = f"{slug(first)}.{slug(last)}.{1 + number % _NAMESAKES}@example.com"
    return Basket(
        number=number,
        name=f"{first} {last}",
        email=email,
        document=cpf(crc32(email.encode()) % _CPF_BASE),
        address=Address(
            street=_pick(dice, _STREETS),
            number=str(1 + _below(dice, 2400)),
            district="Centro",
            city=city,
            state=state,
            postal_code=f"{low + _below(dice, high - low + 1):05d}-{_below(dice, 900):03d}",
        ),
        lines=_lines(dice, skus, popularity),
        payment_token="tok_declined" if dice.random() < _DECLINED else "tok_ok",
    )


def _lines(dice: Random, skus: Sequence[str], popularity: Sequence[float]) -> tuple[BasketLine, ...]:
    """Mostly one or two lines; the pieces of a SKU drawn twice add up."""
    count = min(1 + int(_MOST_LINES * dice.random() ** 2), len(skus), _MOST_LINES)
    pieces: dict[str, int] = {}
    for _ in range(count):
        sku = skus[_first_over(popularity, dice.random() * popularity[-1])]
        pieces[sku] = pieces.get(sku, 0) + 1 + int(dice.random() ** 4 * 4)
    return tuple(BasketLine(sku, quantity) for sku, quantity in pieces.items())


def cpf(base: int) -> str:
    """The CPF of eleven digits that begins with the nine of `base` (0 to 999999999)."""
    if base % 111_111_111 == 0:
        base = (base + 1) % _CPF_BASE  # eleven equal digits are never issued
    digits = [int(digit) for digit in f"{base:09d}"]
    for _ in range(2):
        weighted = sum(digit * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True))
        digits.append(weighted * 10 % 11 % 10)
    return "".join(map(str, digits))


def _first_over(sums: Sequence[float], value: float) -> int:
    """The place of the first sum above `value` (bisection)."""
    low, high = 0, len(sums) - 1
    while low < high:
        middle = (low + high) // 2
        if sums[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


def _below(dice: Random, limit: int) -> int:
    """A whole number from 0 up to, but not including, `limit`."""
    return int(dice.random() * limit)


def _pick(dice: Random, choices: Sequence[T]) -> T:
    return choices[_below(dice, len(choices))]


def _several(dice: Random, choices: Sequence[str], count: int) -> list[str]:
    """So many different ones, in the order drawn."""
    left = list(choices)
    return [left.pop(_below(dice, len(left))) for _ in range(count)]
