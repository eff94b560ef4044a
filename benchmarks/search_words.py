"""How well search knows Portuguese: plurals and gender that meet, words that are mixed up, mistyped words put right.

Run it with `make search-words`; it reads a list of 32,000 real words that lies beside the checkout.
"""

from __future__ import annotations

import argparse
import gzip
import random
import string
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mestres_core import Commerce
from mestres_core.catalog.vocabulary import learn
from mestres_core.rules.portuguese import stem
from mestres_core.rules.text import fold, words
from mestres_core.rules.typos import SHORTEST

WORDS = Path(__file__).parents[2] / "shared" / "data" / "pt_words.txt.gz"

VOWELS = "aeiouáéíóúâêôãõà"
ACUTE = str.maketrans("aeo", "áéó")
PLAIN = str.maketrans("áéíóúâêô", "aeiouaeo")


def read(path: Path = WORDS) -> list[str]:
    """The words of the list, as they are written, each once."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return sorted({line.strip().casefold() for line in file if line.strip()})


def plurals(word: str) -> Iterator[str]:
    """What the grammar says the plural of this word may be, were it a noun or an adjective."""
    if word.endswith("ão"):
        yield from (word[:-2] + end for end in ("ões", "ães", "ãos"))
    elif word[-1] in VOWELS:
        yield word + "s"
    elif word.endswith(("al", "el", "ol", "ul")) and len(word) > 2:
        vowel = word[-2]
        yield word[:-2] + vowel + "is"
        yield word[:-2] + vowel.translate(ACUTE) + "is"
    elif word.endswith(("ál", "él", "ól", "úl")):
        yield word[:-1] + "is"
    elif word.endswith("il"):
        yield from (word[:-1] + "s", word[:-2] + "eis")
    elif word.endswith("m"):
        yield word[:-1] + "ns"
    elif word.endswith("n"):
        yield word + "s"
    elif word[-1] in "rz":
        yield word + "es"
    elif word[-1] == "s" and len(word) > 2 and word[-2] in "áâéêíóôú":
        yield word[:-2] + word[-2].translate(PLAIN) + "ses"
        yield word + "es"


def feminines(word: str) -> Iterator[str]:
    """What the grammar says the feminine of this word may be, were it an adjective or the name of a trade."""
    if word.endswith("ão"):
        yield word[:-1]
    elif word.endswith("o"):
        yield word[:-1] + "a"
    elif word.endswith(("dor", "tor", "sor", "nhor")):
        yield word + "a"
    elif word.endswith("ês"):
        yield word[:-2] + "esa"


def cousins(word: str) -> Iterator[str]:
    """Further forms of the same word, which are no pair of one step: feminine plurals, plurals of foreign words."""
    for feminine in feminines(word):
        yield from plurals(feminine)
    if word.endswith("os"):
        yield word[:-2] + "as"
    elif word.endswith("res"):
        yield from (word[:-2] + "a", word[:-2] + "as")
    elif word[-1] not in VOWELS and word[-1] != "s":
        yield word + "s"


def pairs(words: Iterable[str], rule: Callable[[str], Iterable[str]]) -> list[tuple[str, str]]:
    """Every word with what a rule makes of it, where both are in the list."""
    known = set(words)
    return [(one, other) for one in sorted(known) if len(one) > 2 for other in rule(one) if other in known]


class Families:
    """Words that are inflections of each other, through however many steps."""

    def __init__(self, links: Iterable[tuple[str, str]]) -> None:
        self._head: dict[str, str] = {}
        for one, other in links:
            self._head[self.of(one)] = self.of(other)

    def of(self, word: str) -> str:
        """One word that stands for the whole family."""
        while (up := self._head.get(word, word)) != word:
            word = up
        return word


def meeting(found: Iterable[tuple[str, str]]) -> tuple[list[tuple[str, str]], int]:
    """The pairs whose stems differ, and how many there were."""
    found = list(found)
    return [(one, other) for one, other in found if stem(fold(one)) != stem(fold(other))], len(found)


def merged(words: list[str], links: list[tuple[str, str]]) -> tuple[list[tuple[str, ...]], int]:
    """Sets of words that share a stem and are of several families, and how many words have so lost their identity.

    Spellings that differ in accents alone count as one word: nobody types them reliably. Of a set, all words but
    those of its biggest family are counted.
    """
    families = Families([*links, *_accents(words)])
    by_stem: dict[str, set[str]] = defaultdict(set)
    for word in words:
        by_stem[stem(fold(word))].add(fold(word))
    written = {fold(word): word for word in words}
    sets, lost = [], 0
    for of in by_stem.values():
        heads: dict[str, list[str]] = defaultdict(list)
        for folded in of:
            heads[families.of(written[folded])].append(folded)
        if len(heads) > 1:
            sets.append(tuple(sorted(of)))
            lost += len(of) - max(map(len, heads.values()))
    return sorted(sets), lost


def _accents(words: list[str]) -> Iterator[tuple[str, str]]:
    first: dict[str, str] = {}
    for word in words:
        yield word, first.setdefault(fold(word), word)


def slip(word: str, chance: random.Random) -> str:
    """A word with one random edit: a letter left out, put in, replaced, or two neighbours exchanged."""
    kind, at = chance.randrange(4), chance.randrange(len(word))
    letter = chance.choice(string.ascii_lowercase)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + letter + word[at:]
    if kind == 2:
        return word[:at] + letter + word[at + 1 :]
    at = chance.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


@dataclass
class Slips:
    """What became of mistyped words. `skipped` made a word of the vocabulary, which is never corrected."""

    tried: int = 0
    skipped: int = 0
    in_five: int = 0
    first: int = 0
    seconds: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def mistype(
    vocabulary: Sequence[str], find: Callable[[str], Sequence[str]], *, edits: int, number: int, seed: int
) -> Slips:
    """Mistype so many words of a vocabulary, and see whether `find` gives the right one among its first five."""
    chance, found = random.Random(seed), Slips()
    stems = {stem(word) for word in vocabulary}
    long_enough = sorted(word for word in vocabulary if len(word) >= (SHORTEST if edits == 1 else 8))
    for word in chance.sample(long_enough, min(number, len(long_enough))):
        typed = word
        for _ in range(edits):
            typed = slip(typed, chance)
        if stem(typed) in stems or len(typed) < SHORTEST:
            found.skipped += 1
            continue
        began = time.perf_counter()
        likely = find(typed)
        found.seconds.append(time.perf_counter() - began)
        found.tried += 1
        found.first += list(likely[:1]) == [word]
        if word in likely[:5]:
            found.in_five += 1
        else:
            found.missed.append(f"{word}: {typed}")
    return found


def _plurals_and_gender(listed: list[str]) -> None:
    out = sys.stdout.write
    many, both = pairs(listed, plurals), pairs(listed, feminines)
    for title, found in (("singular and plural", many), ("masculine and feminine", both)):
        apart, number = meeting(found)
        out(f"{title}: {100 * (1 - len(apart) / number):.2f} % of {number} pairs meet\n")
        out("  those that do not: " + ", ".join(f"{one}/{other}" for one, other in apart) + "\n")
    sets, lost = merged(listed, [*many, *both, *pairs(listed, cousins)])
    folded = len({fold(word) for word in listed})
    out(f"false merges: {lost} of {folded} words ({100 * lost / folded:.2f} %), in {len(sets)} stems\n")
    out("  they are: " + "; ".join("/".join(of) for of in sets) + "\n")


def _mistyped(title: str, vocabulary: Sequence[str], number: int, seed: int) -> None:
    out = sys.stdout.write
    with tempfile.TemporaryDirectory() as folder, Commerce.open(f"sqlite:///{folder}/shop.db") as shop:
        with shop.transaction() as tx:
            learn(tx.outbox.session, "sqlite", vocabulary)
            rows = tx.outbox.session.connection().exec_driver_sql("SELECT count(*) FROM mc_search_form").scalar_one()
        out(f"{title}: {len(vocabulary)} words, {rows} rows, {rows / len(vocabulary):.1f} a word\n")
        for edits in (1, 2):
            found = mistype(vocabulary, shop.search.spellings, edits=edits, number=number, seed=seed)
            times = sorted(found.seconds)
            out(
                f"  {edits} edit{'s' * (edits - 1)}: the right word among five"
                f" {100 * found.in_five / found.tried:.2f} %,"
                f" first {100 * found.first / found.tried:.2f} % of {found.tried} ({found.skipped} are other words);"
                f" p50 {1000 * times[len(times) // 2]:.2f} ms, p95 {1000 * times[len(times) * 95 // 100]:.2f} ms\n"
            )
            out("  missed, for example: " + ", ".join(found.missed[:12]) + "\n")
        changed = [word for word in vocabulary if shop.search.spellings(word)]
        out(f"  right words that would be corrected: {len(changed)} of {len(vocabulary)}\n")


def _searchable(texts: Iterable[str]) -> list[str]:
    return sorted({word for text in texts for word in words(text) if len(word) >= SHORTEST and word.isalpha()})


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=2000, help="words to mistype (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=8, help="of the chance (default: %(default)s)")
    asked = parser.parse_args()
    if not WORDS.exists():
        sys.exit(f"{WORDS} is not there: nothing to measure")
    from mestres_examples import catalogue

    listed = read()
    _plurals_and_gender(listed)
    drafts = catalogue.load()
    texts = [" ".join((d.name, d.description, *d.category, *d.attributes.values())) for d in drafts]
    _mistyped("product words", _searchable(texts), asked.number, asked.seed)
    _mistyped("Portuguese words", _searchable(listed), asked.number, asked.seed)


if __name__ == "__main__":
    main()
