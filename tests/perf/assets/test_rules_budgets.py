"""Error budgets: what is generated, and what Prometheus' own checker makes of it."""

import os
import re
import shutil
import subprocess
import textwrap
import warnings
from dataclasses import replace

import pytest
import yaml

from mestres_perf import MESTRES_CAFE_SLA, Slo
from mestres_perf.assets import _budgets as budgets
from mestres_perf.assets._rules import prometheus_budgets_test, prometheus_rules
from mestres_perf.errors import ConfigurationError, ImpossibleAlertWarning
from mestres_perf.metrics._indicators import indicator

LONG = os.environ.get("MESTRES_STRESS") == "long"
ALL = {(severity.alert, slo.name) for severity in budgets.SEVERITIES for slo in budgets.DEFAULT}


@pytest.fixture
def promtool(require_part, tmp_path):
    """`promtool(rules, tests)`: what the program says when it lets these rules live through these stories."""
    program = shutil.which("promtool")
    require_part(program, "promtool is not installed")

    def run(rules, tests):
        (tmp_path / "prometheus_rules.yml").write_text(rules, encoding="utf-8")
        (tmp_path / "test.yml").write_text(tests, encoding="utf-8")
        command = [program, "test", "rules", "test.yml"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def alerts(slos=budgets.DEFAULT):
    """The generated alerts, by name and promise."""
    _specified, group = yaml.safe_load(prometheus_rules(slos))["groups"]
    return {(rule["alert"], rule["labels"].get("slo")): rule for rule in group["rules"] if "alert" in rule}


def quickly():
    """The kit's stories, looked at half as often: enough to tell rules that are wrong."""
    return prometheus_budgets_test().replace("evaluation_interval: 2m", "evaluation_interval: 4m")


def differences(run):
    """The alerts that did not fire and should have, and those that did and should not: as name and promise."""
    assert run.returncode != 0
    missing, unexpected = set(), set()
    for block in re.split(r"alertname: ", run.stdout + run.stderr)[1:]:
        wanted, _, got = block.partition("got:")
        wanted, got = (set(re.findall(r"Labels:\{(.*)\}", part)) for part in (wanted, got))
        missing |= set(map(_name, wanted - got))
        unexpected |= set(map(_name, got - wanted))
    return missing, unexpected


def _name(labels):
    found = dict(re.findall(r'(\w+)="([^"]*)"', labels))
    return found["alertname"], found.get("slo")


@pytest.mark.scenario("O2", "O4", "O5", "O6")
def test_every_story_ends_as_it_should(promtool):
    """Quiet hours, deployments and kept promises call nobody; broken ones do, and so does a service that is gone."""
    run = promtool(prometheus_rules(), prometheus_budgets_test())

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.scenario("O6")
@pytest.mark.parametrize("wrong", ["never", "always"])
def test_a_wrong_rule_is_noticed(promtool, wrong):
    """Each alert that never fires, and each that fires at once, fails the stories."""
    sound = prometheus_rules()
    rules = re.sub(r"(ratio_rate\w+\{.*\}) > .*", rf"\1 > {1 if wrong == 'never' else -1}", sound)
    rules = rules.replace(f"* 60 > {budgets.FEWEST}", "* 60 > -1")
    rules = rules.replace("seen[30d]) unless", "seen[1m]) unless" if wrong == "never" else "seen[30d]) or")
    missing, unexpected = differences(promtool(rules, quickly()))

    assert (missing if wrong == "never" else unexpected) == ALL | {("ServiceGone", None)}


def _pairs():
    """Each pair of windows by itself, and each condition of it."""
    for severity in budgets.SEVERITIES:
        for pair in severity.pairs:
            slo = budgets.DEFAULT[0].name
            whole = budgets._condition(budgets.DEFAULT[0], pair)
            yield pytest.param(severity.alert, whole, "vector(1) < 0", "missing", id=f"{pair.long} is left out")
            for window in (pair.short, "guard"):
                old = f"* 60 > {budgets.FEWEST}" if window == "guard" else f'ratio_rate{window}{{slo="{slo}"}} >'
                new = "* 60 > -1" if window == "guard" else f'ratio_rate{window}{{slo="{slo}"}} > -'
                yield pytest.param(severity.alert, whole, whole.replace(old, new), "unexpected", id=f"{pair}, {window}")


_CONDITIONS = list(_pairs())


@pytest.mark.stress
@pytest.mark.scenario("O6")
@pytest.mark.parametrize(("alert", "right", "planted", "which"), _CONDITIONS if LONG else _CONDITIONS[2:3])
def test_every_condition_counts(promtool, alert, right, planted, which):
    """Without one pair of windows something is missed; without a short window or the guard somebody is called late."""
    right, planted = (textwrap.indent(text, " " * 10) for text in (right, planted))
    rules = prometheus_rules()
    assert rules.count(right) == 1
    missing, unexpected = differences(promtool(rules.replace(right, planted), quickly()))

    assert (alert, budgets.DEFAULT[0].name) in (missing if which == "missing" else unexpected)


@pytest.mark.stress
@pytest.mark.scenario("O2")
def test_eight_days_of_failure(promtool):
    """What hardly anybody asks for and fails nine times of ten is a ticket, on the eighth day as on the first."""
    story = """
        rule_files: [prometheus_rules.yml]
        evaluation_interval: %s
        tests:
          - interval: 1m
            input_series:
              - series: http_requests_total{job="unseen", status="200"}
                values: "0+3x11520"
              - series: http_requests_total{job="unseen", status="500"}
                values: "0+27x11520"
            promql_expr_test:
    """
    asked = """
              - expr: count(ALERTS{alertname="ErrorBudgetBurnsSlowly", alertstate="firing", job="unseen"})
                eval_time: %s
                exp_samples: [{value: 1}]
    """
    story = textwrap.dedent(story % ("5m" if LONG else "4h")) + "".join(
        textwrap.indent(textwrap.dedent(asked % when), " " * 6) for when in ("12h", "4d", "8d")
    )
    run = promtool(prometheus_rules(), story)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.scenario("O4")
def test_a_service_that_is_gone_for_weeks(promtool):
    """A job that is gone stays gone after a day, beside another that lives; one that is back, or never was, is not."""
    story = """
        rule_files: [prometheus_rules.yml]
        evaluation_interval: 1h
        tests:
          - interval: 1h
            input_series:
              - series: http_requests_in_progress{job="lives", instance="a"}
                values: "0x900"
              - series: http_requests_in_progress{job="gone", instance="a"}
                values: "0x24 stale"
              - series: http_requests_in_progress{job="back", instance="a"}
                values: "0x24 _x300 0x576"
            promql_expr_test:
    """
    asked = """
              - expr: count by (job) (ALERTS{alertname="ServiceGone", alertstate="firing"})
                eval_time: %s
                exp_samples: [%s]
    """
    gone, back = ({"labels": f'{{job="{job}"}}', "value": 1} for job in ("gone", "back"))
    for when, those in (("24h", []), ("40h", [gone, back]), ("200h", [gone, back]), ("340h", [gone]), ("900h", [])):
        samples = ", ".join(f"{{labels: '{one['labels']}', value: 1}}" for one in those)
        story += asked % (when, samples)
    run = promtool(only("slo:job:seen", "ServiceGone"), textwrap.dedent(story))

    assert run.returncode == 0, run.stdout + run.stderr


def only(*names):
    """These rules alone."""
    found = yaml.safe_load(prometheus_rules())
    _specified, group = found["groups"]
    rules = [rule for rule in group["rules"] if rule.get("record", rule.get("alert")) in names]
    return yaml.safe_dump({"groups": [{**group, "rules": rules}]})


def test_how_much_of_a_budget_is_known(promtool):
    """Beside what is left of a budget stands by how many days it is judged."""
    story = """
        rule_files: [prometheus_rules.yml]
        evaluation_interval: 1m
        tests:
          - interval: 1m
            input_series:
              - series: http_requests_total{job="new", status="200"}
                values: "0+3x300"
            promql_expr_test:
              - expr: round(slo:error_budget:covered_days{slo="errors.http_5xx"} * 24)
                eval_time: 3h
                exp_samples: [{labels: '{job="new", slo="errors.http_5xx"}', value: 3}]
    """
    run = promtool(only("slo:events:rate5m", "slo:error_budget:covered_days"), textwrap.dedent(story))

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_factors():
    """How fast a budget burns follows from its share, its 30 days and the long window: 14.4, 6, 3 and 1 times."""
    pairs = [(pair, severity.name) for severity in budgets.SEVERITIES for pair in severity.pairs]

    assert [(pair.long, pair.short, name, round(pair.limit(1), 9)) for pair, name in pairs] == [
        ("1h", "5m", "page", 14.4),
        ("6h", "30m", "page", 6),
        ("1d", "2h", "ticket", 3),
        ("3d", "6h", "ticket", 1),
    ]
    page = alerts()["ErrorBudgetBurnsFast", "errors.http_5xx"]["expr"]
    assert [float(limit) for limit in re.findall(r"ratio_rate\w+\{.*\} > (.*)", page)] == [0.0144] * 2 + [0.006] * 2


@pytest.mark.scenario("O1")
def test_an_alert_that_can_never_fire():
    """Where more than all events would have to be bad the alert is left out, with a warning that names the promise."""
    median = MESTRES_CAFE_SLA.api.p50
    with pytest.warns(ImpossibleAlertWarning) as said:
        found = alerts([median])

    assert [str(one.message) for one in said] == [
        "api.p50: no alert for 1h and 5m: it would take 720% of bad events",
        "api.p50: no alert for 6h and 30m: it would take 300% of bad events",
        "api.p50: no alert for 1d and 2h: it would take 150% of bad events",
    ]
    assert set(found) == {("ErrorBudgetBurnsSlowly", "api.p50"), ("ServiceGone", None)}
    assert "1d" not in found["ErrorBudgetBurnsSlowly", "api.p50"]["expr"]


def test_those_that_are_generated_by_default_can_all_fire():
    """No warning and no alert with an unreachable limit where nobody asked for one."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = alerts()

    assert set(found) == ALL | {("ServiceGone", None)}


@pytest.mark.scenario("O3")
@pytest.mark.parametrize(
    ("threshold", "nearest"), [(0.4, "0.3 and 0.5"), (0.001, "0.005"), (90, "60"), (0.7, "0.5 and 0.8")]
)
def test_a_time_that_nobody_counts(threshold, nearest):
    """A threshold between two buckets is refused, and the bounds beside it are named."""
    slo = Slo("latency", "<", threshold, "seconds", 0.95, name="checkout")

    with pytest.raises(ConfigurationError, match=rf"^checkout: .*nearest bounds are {nearest}$"):
        prometheus_rules([slo])


def test_what_a_promise_speaks_of_is_in_its_data():
    """By another name, or by none of the specification's, a promise is about the same events."""
    errors, pages = MESTRES_CAFE_SLA.errors, MESTRES_CAFE_SLA.pages
    for slo in (errors.http_4xx, errors.database_errors, errors.payment_failures, pages.largest_contentful_paint):
        mine = indicator(replace(slo, name="mine"))
        assert mine == indicator(slo)
        assert mine != indicator(replace(slo, name="mine", subject="", endpoint=None, threshold=0.1))
    assert "web_vitals" in indicator(pages.cumulative_layout_shift).bad("5m")
    assert indicator(Slo("errors", "<", 0.01, "ratio", name="errors.http_4xx")) == indicator(errors.http_5xx)
    with pytest.raises(ConfigurationError, match="no metric tells"):
        indicator(Slo("errors", "<", 0.01, "ratio", name="mine", subject="dreams"))


@pytest.mark.parametrize(
    "slos",
    [
        [MESTRES_CAFE_SLA.queries.reports],
        [MESTRES_CAFE_SLA.throughput.concurrent_users],
        [MESTRES_CAFE_SLA.features.search.fuzzy_search],
        [MESTRES_CAFE_SLA.availability.production],
        [MESTRES_CAFE_SLA.api.p95, MESTRES_CAFE_SLA.api.p95],
        [Slo("errors", "<", 0.1, "ratio")],
        [Slo("errors", "<", 0.1, "ratio", name='"}')],
    ],
)
def test_what_cannot_be_kept(slos):
    """A promise that no metric tells of, or that has no name of its own, is refused."""
    with pytest.raises(ConfigurationError):
        prometheus_rules(slos)


def test_a_promise_of_one_route():
    """A promise that speaks of a route counts that route only."""
    rules = prometheus_rules([MESTRES_CAFE_SLA.features.cart_operations.add_item])
    _specified, group = yaml.safe_load(rules)["groups"]
    (counted,) = [rule["expr"] for rule in group["rules"] if rule.get("record") == "slo:bad_events:rate5m"]

    assert counted.count('{method="POST", endpoint="/api/v1/carts/{cart_id}/lines"') == 2
    assert 'le="0.15"' in counted
