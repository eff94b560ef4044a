"""How fast search is in shops of a hundred thousand products and more: `make search-speed`.

Fills a shop on SQLite and one on a PostgreSQL of its own, asks each many different queries in process and prints the
95th percentiles beside the targets, what they are to a raw query of the database, how much disk it takes, and how much
memory the process that asks; the table goes into docs/search.md, unless sizes or databases are chosen. `--growth` asks
each shop while it grows from ten thousand products to a million, and draws it, as docs/search-growth.svg. The exit code
is 1 when a target is missed at 100,000 products.

The raw query gives the same products, those with all words or with words that begin so, as the numbers and names of the
twenty that weigh most. Beside it stands the same for the words alone: fewer products, not what search answers.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

import search_shop
from sqlalchemy import text

from mestres_core import Commerce
from mestres_core.rules.synonyms import BUILT_IN
from mestres_core.search.asking import terms
from mestres_core.search.matching import LANGUAGES
from servers.postgres import own_postgres

Clock = Callable[[], float]
BY = {
    False: "By the clock, on a machine that did nothing else:",
    True: "By the time that processors worked, on a machine that did other things too:",
}
SETTINGS = "shared_buffers = 512MB\nmaintenance_work_mem = 512MB\nmax_wal_size = 4GB"
KINDS = ("simple", "filtered", "autocomplete", "fuzzy")
TARGETS = {"simple": 20.0, "filtered": 50.0, "autocomplete": 10.0, "fuzzy": 80.0, "to raw": 2.0}
PAGE = Path(__file__).parents[1] / "docs" / "search.md"
PLOT = PAGE.with_name("search-growth.svg")
GROWTH = (10_000, 30_000, 100_000, 300_000, 1_000_000)
SIMPLE = (
    "mogiana|bourbon amarelo|fazenda água da esperança|catuaí vermelho caramelo|chapada diamantina honey|cerrado"
    "|sítio figueira do norte|sul de minas chocolate|rubi lavado|café moído bourbon|geada|beija-flor jasmim"
    "|microlote topázio|paraná natural|icatu mel"
).split("|")
MISTYPED = "caramleo|mojiana|bourbom|esperansa|catuay|chapata|diamntina|xocolate|figeira|jasmin|topasio|moidu".split(
    "|"
)
STARTS = "c|ca|caf|mo|bour|fazenda|fazenda ag|sítio fi|cha|top|ru|paraíso de".split("|")
_RAW = {
    "postgresql": """
        SELECT id, name, ts_rank(search_vector, to_tsquery('simple', :query)) AS rank FROM mc_product
        WHERE active AND search_vector @@ to_tsquery('simple', :query) ORDER BY rank DESC, id LIMIT 20
    """,
    "sqlite": """
        SELECT p.id, p.name FROM mc_search_document d JOIN mc_product p ON p.id = d.rowid
        WHERE mc_search_document MATCH :query AND p.active ORDER BY d.rank LIMIT 20
    """,
}
_SIZE = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
}


@dataclass(frozen=True)
class Measured:
    """Of one shop: 95th percentiles in milliseconds by what was asked, and what it takes in MB."""

    database: str
    products: int
    p95: dict[str, float]
    to_raw: float
    to_words: float
    disk: float
    memory: float


def p95(times: Sequence[float]) -> float:
    """In milliseconds."""
    return 1000 * quantiles(times, n=20, method="inclusive")[-1]


def timed(calls: Sequence[Callable[[], object]], rounds: int, clock: Clock = time.perf_counter) -> list[float]:
    """Seconds of each call in each round; one round more is run first and not counted."""
    times: list[float] = []
    for turn in range(rounds + 1):
        for call in calls:
            began = clock()
            call()
            if turn:
                times.append(clock() - began)
    return times


def processor_of(shop: Commerce) -> Clock:
    """How long processors have worked for this process and for its connections to a PostgreSQL on this machine.

    On a machine that does nothing else it goes as fast as time: the one waits for the other. On a busy one it leaves
    out the waiting for others, though not that they took the caches.
    """
    clocks = [time.CLOCK_PROCESS_CPUTIME_ID]
    if shop.engine.dialect.name == "postgresql":
        with shop.engine.connect() as connection:
            found = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"))
            clocks += [(~pid << 3) | 2 for pid in found.scalars()]  # Linux's name for the clock of another process
    return lambda: sum(map(time.clock_gettime, clocks))


def measure(url: str, products: int, rounds: int, *, processor: bool) -> Measured:
    """Ask one shop everything. It is a process of its own that does: its memory is what asking takes."""
    with Commerce.open(url) as shop:
        return _measured(shop, products, rounds, processor_of if processor else lambda _: time.perf_counter)


def _measured(shop: Commerce, products: int, rounds: int, clock_of: Callable[[Commerce], Clock]) -> Measured:
    clock = clock_of(shop)
    search, dialect = shop.search, shop.engine.dialect.name
    plain: dict[str, Any] = {"count": False, "facets": False}
    filters: tuple[dict[str, Any], ...] = (
        {"category": "graos"},
        {"attributes": {"Processo": ["Natural", "Lavado"]}, "in_stock": True},
        {"max_price": 6000, "attributes": {"Torra": "Média"}},
    )
    kinds: dict[str, list[Callable[[], object]]] = {
        "simple": [lambda q=query: search.products(q, **plain) for query in SIMPLE],
        "filtered": [lambda q=query, f=chosen: search.products(q, **f) for query in SIMPLE for chosen in filters],
        "autocomplete": [lambda q=start: search.suggest(q) for start in STARTS],
        "fuzzy": [lambda q=query: search.products(q, **plain) for query in MISTYPED],
    }
    found = {name: p95(timed(calls, rounds, clock)) for name, calls in kinds.items()}
    ratios: dict[bool, list[float]] = {True: [], False: []}
    with shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        search.products(SIMPLE[0])
        clock = clock_of(shop)  # of one connection more
        for query in SIMPLE:
            ours = median(timed([lambda q=query: search.products(q, **plain)], rounds, clock))
            for beginnings, found_so in ratios.items():
                wanted = [(term, beginnings) for term in terms(query, BUILT_IN)]
                asked = {"query": LANGUAGES[dialect].query(wanted)}
                raw = timed([lambda a=asked: connection.execute(text(_RAW[dialect]), a).all()], rounds, clock)
                found_so.append(ours / median(raw))
        disk = int(connection.execute(text(_SIZE[dialect])).scalar_one()) / 2**20
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    to_raw, to_words = (median(of) for of in ratios.values())
    return Measured(dialect, products, found, to_raw, to_words, disk, memory)


@contextmanager
def databases_of(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """The addresses of empty databases."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        found = {"sqlite": f"sqlite:///{folder}/shop.db"}
        if "postgresql" in names:
            found["postgresql"] = servers.enter_context(own_postgres(SETTINGS))
        yield {name: found[name] for name in names}


def measured(urls: Iterable[str], sizes: Sequence[int], rounds: int, *, processor: bool) -> Iterator[Measured]:
    """Fill one shop after the other, and ask each at every size."""
    spawning = get_context("spawn")
    for url in urls:
        with Commerce.open(url) as shop:
            for size in search_shop.grown(shop, sizes):
                with ProcessPoolExecutor(1, mp_context=spawning) as asking:
                    yield asking.submit(measure, url, size, rounds, processor=processor).result()


def plot(rows: Sequence[Measured], path: Path) -> None:
    """Milliseconds over products, both logarithmic, a line a kind: solid PostgreSQL, dashed SQLite."""
    import math

    width, height, left, bottom, right = 700, 400, 60, 40, 170
    sizes = sorted({row.products for row in rows})
    values = [value for row in rows for value in row.p95.values()]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    across = max(math.log10(sizes[-1] / sizes[0]), 0.1)

    def x(products: int) -> float:
        return left + (width - left - right) * math.log10(products / sizes[0]) / across

    def y(value: float) -> float:
        return height - bottom - (height - bottom - 20) * (math.log10(value) - low) / (high - low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        "<style>text{font:11px sans-serif}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for step in range(low, high + 1):
        parts.append(f'<path d="M{left} {y(10**step):.1f}H{width - right}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y(10**step) + 4:.1f}" text-anchor="end">{10.0**step:g} ms</text>')
    parts += [f'<text x="{x(size):.1f}" y="{height - 20}" text-anchor="middle">{size:,}</text>' for size in sizes]
    colours = ("#0b6e4f", "#c84c09", "#3d5a98", "#8a2d5c")
    names: list[tuple[float, str, str]] = []
    for database, dash in (("postgresql", ""), ("sqlite", ' stroke-dasharray="5 4"')):
        of = sorted((row for row in rows if row.database == database), key=lambda row: row.products)
        for colour, kind in zip(colours, KINDS, strict=True) if of else ():
            points = " ".join(f"{x(row.products):.1f},{y(row.p95[kind]):.1f}" for row in of)
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
            names.append((y(of[-1].p95[kind]), colour, f"{kind} {database}"))
    free = 0.0
    for wanted, colour, name in sorted(names):
        at = max(wanted + 4, free)
        free = at + 12  # none on another one
        parts.append(f'<text x="{width - right + 8}" y="{at:.1f}" fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def table(rows: Sequence[Measured]) -> str:
    """A row a shop, in Markdown."""
    head = (
        "products",
        "database",
        *(f"{kind} ms" for kind in KINDS),
        "to raw",
        "to the words alone",
        "disk MB",
        "memory MB",
    )
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for row in rows:
        shown = (
            *(f"{row.p95[kind]:.1f}" for kind in KINDS),
            *(f"{ratio:.2f}" for ratio in (row.to_raw, row.to_words)),
            *(f"{size:.0f}" for size in (row.disk, row.memory)),
        )
        lines.append(f"| {row.products:,} | {row.database} | {' | '.join(shown)} |")
    return "\n".join(lines)


def write(text: str) -> None:
    """Put the table into the page of the docs."""
    begin, end = "<!-- speed: made by `make search-speed` -->", "<!-- end of speed -->"
    head, rest = PAGE.read_text(encoding="utf-8").split(begin)
    PAGE.write_text(f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}", encoding="utf-8")


def main() -> int:
    """Print a row a shop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, nargs="+", help="sizes, going up (default: 100000); no page is written")
    parser.add_argument("--growth", action="store_true", help=f"sizes {GROWTH}, and draw them")
    parser.add_argument("--databases", nargs="+", choices=_RAW, help="(default: both); no page is written then")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--processor", action="store_true", help="its time, not the clock's: for a busy machine")
    options = parser.parse_args()
    sizes = options.products or (GROWTH if options.growth else (100_000,))
    rows: list[Measured] = []
    with databases_of(options.databases or sorted(_RAW)) as urls:
        for row in measured(urls.values(), sizes, options.rounds, processor=options.processor):
            rows = sorted([*rows, row], key=lambda each: (each.products, each.database))
            sys.stdout.write(table([row]).splitlines()[-1] + "\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{table(rows)}\n")
    if options.growth:
        plot(rows, PLOT)
    if not (options.products or options.databases):
        write(f"{BY[options.processor]}\n\n{table(rows)}")
    missed = [
        f"{row.database} {name}"
        for row in rows
        if row.products == 100_000
        for name, limit in TARGETS.items()
        if (row.to_raw if name == "to raw" else row.p95[name]) > limit
    ]
    sys.stdout.write(f"targets at 100,000: {TARGETS}; missed: {', '.join(missed) or 'none'}\n")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
