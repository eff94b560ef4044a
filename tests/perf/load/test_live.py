"""What Prometheus is asked about availability, by its own checker."""

import shutil
import subprocess

import pytest
import yaml

from mestres_perf import MESTRES_CAFE_SLA
from mestres_perf.load.live import _questions

ANOTHER = {"series": 'up{job="prometheus", instance="p"}', "values": "1x60"}


@pytest.fixture
def share(require_part, tmp_path):
    """`share(series)`: what is said of the job `shop` at the end of an hour, and from how many looks at it."""
    program = shutil.which("promtool")
    require_part(program, "promtool is not installed")

    def ask(*values, others=(ANOTHER,)):
        series = [
            {"series": f'up{{job="shop", instance="{name}"}}', "values": each} for name, each in enumerate(values)
        ]
        value, count = _questions(MESTRES_CAFE_SLA.availability.production, "1h", 'job="shop"')
        expected = {"value": -1.0}  # it is told what there is instead
        tests = [{"expr": expr, "eval_time": "1h", "exp_samples": [expected]} for expr in (value, count)]
        story = {"interval": "1m", "input_series": [*series, *others], "promql_expr_test": tests}
        (tmp_path / "test.yml").write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [story]}), "utf-8")
        command = [program, "test", "rules", "test.yml"]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        said = [line.split()[-1] for line in (run.stdout + run.stderr).splitlines() if "got:" in line]
        return [None if text == "nil" else float(text) for text in said]

    return ask


@pytest.mark.parametrize(
    ("values", "available", "looks"),
    [
        (["1x60"], 1, 61),
        (["1x29 0x30"], 0.5, 61),
        (["1x29 0x30", "1x60"], 1, 61),  # somebody answers
        (["1x29 stale"], 0.5, 61),  # whose address is lost
        (["1x9 _x29 1x20"], 0.6, 61),  # and found again; a sample counts for five minutes
        (["_x29 1x30"], 1, 31),  # new
    ],
)
def test_availability(share, values, available, looks):
    """Minutes in which Prometheus knows nothing of a job count as lost once it has known of it, and not before."""
    assert share(*values) == [pytest.approx(available, abs=0.1), pytest.approx(looks, abs=1)]


def test_while_prometheus_is_away(share):
    """Minutes in which it knows of nothing at all are nobody's fault."""
    away = [{**ANOTHER, "values": "1x9 _x29 1x20"}]
    assert share("1x9 _x29 1x20", others=away) == [1, pytest.approx(40, abs=11)]
    assert share(others=[ANOTHER]) == [None, None]
