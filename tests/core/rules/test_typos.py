"""Words one edit apart."""

from hypothesis import given
from hypothesis import strategies as st

from mestres_core.rules.typos import forms, one_apart

WORD = st.text("abcdef", min_size=1, max_size=8)


def _edits(word: str) -> set[str]:
    """Every word that one edit makes, worked out the long way."""
    cuts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    deleted = {a + b[1:] for a, b in cuts if b}
    inserted = {a + letter + b for a, b in cuts for letter in "abcdef"}
    changed = {a + letter + b[1:] for a, b in cuts if b for letter in "abcdef"}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return (deleted | inserted | changed | swapped) - {word}


@given(WORD)
def test_every_word_one_edit_away_is_found(word: str) -> None:
    """Whatever the edit, the two are told to be one apart, both ways, and share a form."""
    for other in _edits(word):
        assert one_apart(word, other), (word, other)
        assert one_apart(other, word)
        assert forms(word) & forms(other), (word, other)


@given(WORD, WORD)
def test_no_other_word_is(one: str, other: str) -> None:
    """What no single edit makes is not one apart; a word is not apart from itself."""
    assert one_apart(one, other) == (other in _edits(one) or one in _edits(other))
