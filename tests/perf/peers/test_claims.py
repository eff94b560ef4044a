"""The claims about caches hold for this one, and docs/cache-peers.md says of the others what is observed."""

import pytest

from perf.peers import table
from perf.peers.cells import NO, YES, decided, run
from perf.peers.claims import CLAIMS
from perf.peers.libraries import LIBRARIES, OURS, adapter

OTHERS = [library for library in LIBRARIES if library != OURS]


@pytest.fixture(scope="module")
def ours(redis_url):
    """Our own column, observed."""
    return table.by_place(run(redis_url, [OURS]))


@pytest.fixture(scope="module")
def theirs(redis_url):
    """The columns of the others, observed."""
    return table.by_place(run(redis_url, OTHERS))


@pytest.fixture(scope="module")
def page():
    return table.PAGE.read_text(encoding="utf-8")


@pytest.mark.process
@pytest.mark.parametrize("name", [claim.name for claim in decided() if claim.conceded is None])
def test_ours(name, ours):
    """What is claimed holds for this cache."""
    cell = ours[name, OURS]
    assert cell.answer == YES, f"{CLAIMS[name].rule} {cell.why}"


@pytest.mark.process
@pytest.mark.parametrize("name", [claim.name for claim in decided() if claim.conceded is not None])
def test_what_is_left_to_others_is_not_claimed(name, ours):
    """A claim that is conceded, with its reason, does not hold: otherwise it should be made."""
    assert ours[name, OURS].answer != YES


@pytest.mark.process
@pytest.mark.parametrize("library", OTHERS)
def test_the_page_says_what_is_observed(library, theirs, page):
    """Each cell of another library in the documentation is what the check says now (else: make cache-peers)."""
    documented = documented_column(page, library)
    observed = {claim.title: table.sign(theirs[claim.name, library]) for claim in decided()}
    whys = {CLAIMS[name].title: cell.why for (name, each), cell in theirs.items() if each == library}
    assert documented == observed, {title: whys[title] for title in observed if documented[title] != observed[title]}


@pytest.mark.process
def test_the_page_is_the_generated_one(ours, theirs, page):
    """Table, rules and reasons in the documentation are what `make cache-peers` writes."""
    cells = {**ours, **theirs}
    assert table.part(page, "matrix") == table.matrix(cells)
    assert table.part(page, "rules") == table.rules(cells)
    assert table.part(table.SHORT_PAGE.read_text(encoding="utf-8"), "short") == table.short(cells)


def test_every_absence_has_a_reason():
    """An adapter lacks an ability only with a sentence that says why, and never one that it has."""
    for library in LIBRARIES:
        found = adapter(library)
        for claim in decided():
            for need in () if claim.name in found.undecided else claim.needs:
                reason = found.lack(need)
                assert reason is None or reason.strip(), (library, need)
        assert found.notes.keys() | found.undecided.keys() <= CLAIMS.keys(), library


def documented_column(page, library):
    """Title of the claim: what the table of the page says of a library."""
    head, _, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.part(page, "matrix").splitlines()
    ]
    place = head.index(library)
    return {row[0].partition("](")[0].removeprefix("["): row[place] for row in rows}


def test_a_library_that_forgets_a_failing_claim_is_not_yes(redis_url):
    """The checks can fail: a cache that never remembers fails those that count loads, and an error is a no."""
    from perf.peers.cells import decide
    from perf.peers.claims import Claim

    def fails(_room):
        raise RuntimeError("as planned")

    answers = [
        decide(OURS, Claim(check, "", (), once=True, pending=None, conceded=None), redis_url)[0]
        for check in (fails, lambda _room: False, lambda _room: True)
    ]
    assert answers == [NO, NO, YES]
