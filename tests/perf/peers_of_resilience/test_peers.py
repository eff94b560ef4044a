"""docs/resilience-peers.md says what is so: of this library, and of the others."""

import pytest

from perf.peers_of_resilience import table
from perf.peers_of_resilience.rules import RULES, Rule, answer

EACH = [pytest.param(rule, id=rule.name, marks=pytest.mark.scenario(rule.scenario)) for rule in RULES.values()]


@pytest.mark.parametrize("rule", EACH)
def test_the_page_says_what_is_observed(rule, redis_url):
    """Each library keeps the rule or does not, as its row in the page says; this one keeps it."""
    answers = table.observed(rule, redis_url)

    assert answers["mestres_perf"] is True
    assert table.row(rule, answers) in table.PAGE.read_text(encoding="utf-8")
    assert False in answers.values() or rule.name == "pickled"  # what nobody breaks need not be told


def test_the_page_is_the_generated_one():
    """The page is what `make resilience-peers` writes: no row, rule or reason was left behind when another changed."""
    text = table.PAGE.read_text(encoding="utf-8")
    told = {line for line in text.splitlines() if line.startswith("| ") and "](#" in line}
    answers = {name: _as_told(rule, text) for name, rule in RULES.items()}

    assert len(told) == len(RULES)
    assert text.rpartition("Observed with")[0] == table.page(answers).rpartition("Observed with")[0]


def _as_told(rule, text):
    """The answers that the page gives for a rule, with the reasons that stand in the code."""
    line = next(line for line in text.splitlines() if f"](#{rule.name})" in line)
    signs = [cell.strip() for cell in line.strip("|").split("|")][2:]
    known = {"yes": True, "**no**": False}
    return {
        library: known[sign] if sign in known else rule.trials.get(library, "has no such thing")
        for library, sign in zip(table.SUBJECTS[rule.subject], signs, strict=True)
    }


def test_a_check_can_fail():
    """A check that says no is a no, and so is one that raises; a text is a reason."""

    def raises(_url):
        raise RuntimeError("as planned")

    trials = {"mestres_perf": lambda _: True, "circuitbreaker": lambda _: False, "pybreaker": raises, "hyx": "why not"}
    rule = Rule("n", "B1", "breakers", "t", "s", trials)
    said = [
        answer(rule, library, "") for library in ("mestres_perf", "circuitbreaker", "pybreaker", "hyx", "purgatory")
    ]
    assert said == [True, False, False, "why not", "has no such thing"]
