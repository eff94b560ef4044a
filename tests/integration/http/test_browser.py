"""A real browser buys something."""

import shutil

import pytest

from integration.http.buying import ADDRESS, CUSTOMER

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
)


@pytest.fixture(scope="session")
def chromium(require_part, tmp_path_factory):
    """A headless Chromium with a profile of its own, in which scripts are switched off."""
    binary, driver_path = shutil.which("chromium"), shutil.which("chromedriver")
    require_part(binary and driver_path, "Chromium and its driver are not installed: apt-get install chromium-driver")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    yield driver
    driver.quit()


class _Browser:
    """What a visitor does; each step waits for the page that the step before it asked for."""

    def __init__(self, driver):
        self._driver = driver

    def _find(self, by, what):
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self._driver, 20).until(lambda driver: driver.find_element(by, what))

    def fill(self, values):
        from selenium.webdriver.support.ui import Select

        for name, value in values.items():
            field = self._find("name", name)
            if field.tag_name == "select":
                Select(field).select_by_visible_text(value)
            else:
                field.send_keys(value)

    def click(self, selector):
        self._find("css selector", selector).click()

    def reads(self, selector, text):
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        ignored = (NoSuchElementException, StaleElementReferenceException)
        WebDriverWait(self._driver, 20, ignored_exceptions=ignored).until(
            lambda driver: text in driver.find_element("css selector", selector).text
        )


@pytest.mark.browser
@pytest.mark.parametrize("method", ["card", "pix"])
def test_a_browser_without_scripts_buys(served, chromium, product, method):
    """A visitor finds a product by searching, buys it by clicks and keys alone, and sees that it is paid."""
    made = product(name=f"Café {served.framework} {served.database} {method}", stock=2)
    browser = _Browser(chromium)
    chromium.delete_all_cookies()

    chromium.get(served.url)
    browser.fill({"q": made.name})
    browser.click(".find button")
    browser.click(f'a[href="/produto/{made.slug}"]')
    browser.click(".buy button")
    browser.reads(".summary", "R$ 45,90")
    browser.click(".summary .main")
    browser.fill({f"customer.{name}": value for name, value in CUSTOMER.items()})
    browser.fill({f"address.{name}": value for name, value in ADDRESS.items() if name not in ("country", "name")})
    browser.click("form.sheet .main")
    browser.click(f'input[name="method"][value="{method}"]')
    browser.click(".summary .main")
    if method == "pix":
        browser.reads('[data-state="payment"]', "aguardando")
        browser.click(".pay button")

    browser.reads('[data-state="payment"]', "pago")
    browser.reads('[data-state="order"]', "confirmado")
