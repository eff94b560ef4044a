"""The k6 script, executed by a browser: only k6 itself is replaced, by as little as the script uses of it."""

import json
import shutil

import pytest

from mestres_perf.load import SCENARIOS, STEPS, k6_script

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PAGE = """<!doctype html>
<script type="importmap">{"imports": {"k6": "/k6.fake.js", "k6/http": "/http.fake.js"}}</script>
<script>window.__ENV = ENVIRONMENT; window.seen = {checks: {}, pauses: [], urls: []};
window.addEventListener('error', (event) => { window.finished = {error: event.message}; });</script>
<script type="module">
import visit, { options } from '/script.js';
visit();
window.finished = {options, ...window.seen};
</script>"""
_K6 = b"""
export function check(value, checks) {
  for (const [name, passes] of Object.entries(checks)) window.seen.checks[name] = passes(value);
  return Object.values(window.seen.checks).every(Boolean);
}
export function sleep(seconds) { window.seen.pauses.push(seconds); }
"""
_HTTP = b"""
export default { get(url) {
  const began = performance.now(), request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.send();
  window.seen.urls.push(url);
  return {status: request.status, body: request.responseText, timings: {duration: performance.now() - began}};
} };
"""

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium(require_part, tmp_path_factory):
    binary, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    require_part(binary and driver_path, "Chromium and its driver are not installed: apt-get install chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    yield driver
    driver.quit()


@pytest.fixture
def execute(chromium, shop):
    """`execute(**environment)`: what one user of the script did, and the script's options."""
    from selenium.webdriver.support.ui import WebDriverWait

    def execute(**environment):
        page = _PAGE.replace("ENVIRONMENT", json.dumps({"MESTRES_URL": f"{shop.url}/", **environment}))
        shop.pages = {
            "/page.html": page.encode(),
            "/k6.fake.js": _K6,
            "/http.fake.js": _HTTP,
            "/script.js": k6_script().encode(),
        }
        chromium.get(f"{shop.url}/page.html")
        return WebDriverWait(chromium, 20).until(lambda driver: driver.execute_script("return window.finished"))

    return execute


@pytest.mark.parametrize("name", list(SCENARIOS))
def test_options(execute, name):
    """The script's stages and thresholds are the data's, and the environment chooses the scenario."""
    options = execute(MESTRES_SCENARIO=name, MESTRES_DURATION_SCALE="0.5")["options"]
    scenario = SCENARIOS[name]

    assert options["scenarios"] == {
        name: {
            "executor": "ramping-vus",
            "startVUs": scenario.start,
            "stages": [{"duration": f"{one.seconds / 2:g}s", "target": one.users} for one in scenario.stages],
        }
    }
    assert options["thresholds"] == {
        "http_req_duration": ["p(95)<500", "p(99)<1000"],
        "http_req_failed": ["rate<0.01"],
        "checks": ["rate>0.99"],
    }


def test_a_user(execute, shop):
    """A user lists, looks at a product that was listed, searches, with every check passed and the pauses between."""
    seen = execute()

    assert seen.get("error") is None
    assert set(seen["checks"].values()) == {True}
    assert len(seen["checks"]) == 2 * len(STEPS) + 1
    assert seen["pauses"] == [step.pause for step in STEPS]
    listing, detail, search = (url.removeprefix(shop.url) for url in seen["urls"])
    assert (listing, search) == (STEPS[0].path, STEPS[2].path)
    assert detail in {f"/api/v1/products/{number}" for number in (7, 8, 9)}
    assert set(seen["options"]["scenarios"]) == {"smoke"}


def test_a_shop_that_fails(execute, shop):
    """Against a failing shop the checks of status and content fail, and the script goes on."""
    shop.fails = lambda _number, path: path.startswith("/api/")
    seen = execute()

    failed = {name for name, passed in seen["checks"].items() if not passed}
    assert failed == {f"{step.name}: status is 200" for step in STEPS} | {"listing: has products"}


def test_a_scenario_that_is_none(execute):
    """An unknown scenario is refused with the ones that there are."""
    assert "storm is none of smoke, load, stress, spike" in execute(MESTRES_SCENARIO="storm")["error"]
