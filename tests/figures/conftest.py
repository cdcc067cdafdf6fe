"""A real Chromium for the tests in this folder.

Where there is none they are skipped with the reason; with ``CNNBOOK_REQUIRE_BROWSER=1`` they fail
instead, so that the house's own checks cannot pass without looking.
"""

import pytest
from book import BROWSERS, FLAGS, find_chromium

pytest.register_assert_rewrite("looks")

# A second event within one frame is drawn when the frame comes (kit/player.js, clock). On a busy
# machine that can be later than the test's next look: in these pages a frame comes at once. The
# real clock ticks with `real_clock=True`, in the web book and in JupyterLab.
NO_SCREEN = "window.requestAnimationFrame = (go) => setTimeout(() => go(performance.now()), 0);"


def pytest_collection_modifyitems(items):
    for item in items:
        if {"chromium", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    from looks import give_up

    path = find_chromium()
    if path is None:
        give_up(f"no Chromium: no {', '.join(BROWSERS)} on the PATH, CNNBOOK_CHROMIUM unset")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_figure(chromium, tmp_path):
    """``open_figure(figure, width=…, theme=…, real_clock=…)``: the figure's own page, from disk.

    After the test: no error in the console, nothing asked of any network.
    """
    complaints, contexts = [], []

    def hear(message):
        if "willReadFrequently" not in message.text:  # the tests' own reading of pixels
            complaints.append(f"console: {message.text}")

    def open_page(figure, width=1280, theme="light", real_clock=False, **options):
        path = tmp_path / f"figure-{len(contexts)}.html"
        figure.save_html(path)
        context = chromium.new_context(
            viewport={"width": width, "height": 800}, color_scheme=theme, offline=True, **options
        )
        if not real_clock:
            context.add_init_script(NO_SCREEN)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", hear)
        page.on("request", lambda request: complaints.append(f"request: {request.url}"))
        page.goto(path.as_uri())
        asked = [line for line in complaints if line == f"request: {path.as_uri()}"]
        complaints.remove(asked[0])  # the page itself
        complaints[:] = [line for line in complaints if not line.startswith("request: data:")]
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
