"""The contract of all live figures, in Chromium, Firefox and WebKit, on the browser's own clock.

What a figure promises beside it stands in examples.py. A page stays open for all that is asked of
one figure; `again` draws the figure anew.
"""

import re
from pathlib import Path

import pytest
from drivers import BROWSERS
from examples import EXAMPLES, all_figures
from looks import give_up

from cnnbook import language
from cnnbook.figures import fragment
from cnnbook.figures import page as whole_page

CONTRACT = Path(__file__).with_name("contract.js").read_text(encoding="utf-8")
NO_NETWORK = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)
WIDTHS = (1280, 700, 360)


class Page:
    """A page with one figure alive and, below it, the same figure asleep."""

    def __init__(self, browser, kind, name, states):
        self.browser, self.kind, self.name, self.states = browser, kind, name, states
        self.example = EXAMPLES[name]

    def do(self, code, *values):
        return self.browser.evaluate(code, *values)

    def again(self, where="page", lang="ko"):
        self.do("(...v) => contract.again(...v)", self.states[lang], where)

    def get(self, *names):
        self.do("() => contract.drawn()")
        return self.do(
            "(n) => Object.fromEntries(n.map((k) => [k, contract.model().get(k)]))", names
        )

    def complaints(self):
        return self.do("() => contract.complaints.splice(0)")


@pytest.fixture(scope="session", params=BROWSERS)
def browser(request):
    chromium = [request.getfixturevalue("chromium")] if request.param == "chromium" else []
    try:
        one = BROWSERS[request.param](*chromium)
    except FileNotFoundError as error:
        give_up(f"no {request.param}: {error}")
    yield one
    one.close()


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """``files(name)``: the path of a figure's page, and the figure's state in both languages."""
    folder, made = tmp_path_factory.mktemp("figures"), {}

    def file(name):
        if name not in made:
            states = {}
            for lang in ("en", "ko"):
                language.set_language(lang)
                figure = EXAMPLES[name]["make"]()
                states[lang] = figure.state()
            alive = fragment(figure.figure_json(), figure.png(), figure.alternative_text())
            asleep = re.sub("<script.*</script>", "", alive, flags=re.DOTALL)
            html = whole_page(alive + asleep, [name], name, "ko")
            head = f'<head><meta http-equiv="Content-Security-Policy" content="{NO_NETWORK}">'
            path = folder / f"{name}.html"
            path.write_text(
                html.replace("<head>", f"{head}<script>{CONTRACT}</script>"), encoding="utf-8"
            )
            made[name] = path, states
        return made[name]

    return file


@pytest.fixture(scope="module", params=sorted(EXAMPLES))
def opened(browser, files, request):
    path, states = files(request.param)
    kind = type(browser).__name__.lower()
    browser.open(path.as_uri())
    browser.evaluate("(state) => contract.begin(state)", states["ko"])
    return Page(browser, kind, request.param, states)


@pytest.fixture
def page(opened):
    yield opened
    opened.browser.resize(1280)
    opened.do("() => ['dark', 'reduce'].forEach((name) => contract.wish(name, false))")
    assert opened.complaints() == []


def test_every_figure_has_an_example():
    assert set(EXAMPLES) == set(all_figures())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_wakes_up_in_its_space_and_fits_and_stands_out(page, theme):
    """In both languages, as the reader's system likes it: nothing jumps, is cut or too pale."""
    page.do("(dark) => contract.wish('dark', dark)", theme == "dark")
    for lang in ("ko", "en"):
        page.again(lang=lang)
        for width in WIDTHS:
            page.browser.resize(width)
            facts = page.do("(width) => contract.facts(width)", width)
            assert facts.pop("height") == pytest.approx(facts.pop("room"), abs=0.5), width
            expected = {"lang": lang, "theme": theme, "wide": [], "unsaid": [], "pale": []}
            assert facts == expected, (lang, width)


def test_follows_the_theme_of_its_page(page):
    """Sphinx and JupyterLab say it on the page; what was drawn before is drawn anew."""
    page.again()
    for where, value in (
        ("documentElement.dataset.theme", "dark"),
        ("body.dataset.jpThemeLight", "false"),
    ):
        turns = (f"document.{where} = '{value}'", "dark"), (f"delete document.{where}", "light")
        for turn, theme in turns:
            assert page.do(f"() => contract.turned(() => {{ {turn}; }})") == [theme, []], turn


def test_tab_reaches_every_control_and_rings_it(page):
    """Real presses of Tab; inside a group with one stop the arrow keys go on."""
    page.again()
    stops = page.do("() => contract.listen()")
    page.browser.press(*["Tab"] * stops)
    assert page.do("() => contract.missed(true)") == []
    for stop, keys in page.do("() => contract.groups()"):
        page.do("(place) => contract.controls()[place].focus()", stop)
        for key in keys:
            page.browser.press(key)
            page.do("() => contract.drawn()")
    heard = page.do("() => contract.heard()")
    assert [stop for stop in heard if not (stop["seen"] and stop["ring"])] == []
    assert page.do("() => contract.missed(false)") == []


def test_every_control_has_a_name_and_does_something(page):
    """And what it writes into the state is a state that Python takes."""
    page.again()
    nameless = (
        "(node) => !contract.nameOf(node) || !(node.matches('button, input, select') || node.role)"
    )
    found = page.do(f"() => contract.controls().filter({nameless}).map(contract.called)")
    assert found == []
    assert page.do("() => contract.idle()") == []
    assert page.do("() => contract.quiet()"), "something goes on although nothing plays"
    figure = page.example["make"]()
    states = {str(state): state for state in page.do("() => contract.written.splice(0)")}
    assert states
    names = set().union(*states.values())
    for state in states.values():
        figure.set_state({name: page.states["ko"][name] for name in names} | state)
        assert {name: figure.state()[name] for name in state} == state


def test_a_double_click_puts_a_number_back(page):
    page.again()
    assert page.do("() => contract.stuck()") == []


@pytest.mark.parametrize("where", ["page", "shadow"])
def test_keys_and_pointers_do_what_the_figure_promises(page, where):
    """With the mouse, a finger and keys, also in a shadow root (marimo)."""
    page.again(where)
    board, keys = page.example["keys"]
    page.do("(selector) => contract.root.querySelector(selector).focus()", board)
    for key, left in keys:
        page.browser.press(key)
        assert page.get(*left) == left, key
    for kind, selector, path, left in page.example["points"]:
        if kind == "touch" and not page.browser.fingers:
            continue
        page.again(where)
        places = page.do("(...at) => contract.at(...at)", selector, path)
        if kind == "hover":
            places.insert(0, [0, 0])
        page.browser.point(kind, *places)
        assert page.get(*left) == left, (kind, selector)


@pytest.mark.parametrize("quiet", [False, True])
def test_space_plays_and_a_reader_who_likes_it_quiet_gets_one_step(page, quiet):
    if "plays" not in page.example:
        pytest.skip("nothing in this figure plays")
    page.do("(quiet) => contract.wish('reduce', quiet)", quiet)
    page.again()
    board, trait = page.example["keys"][0], page.example["plays"]
    page.do("(selector) => contract.root.querySelector(selector).focus()", board)
    first = page.get(trait)
    page.do("() => contract.written.splice(0)")
    page.browser.press("Space")
    if not quiet:
        changes = "(t) => contract.until(() => contract.written.filter((s) => t in s).length > 1)"
        assert page.do(changes, trait), "it does not play"
        page.browser.press("Space")
    assert page.do("() => contract.quiet()"), "it plays on"
    assert page.get(trait) != first


def test_every_view_shows_what_is_set_from_outside(page):
    """Two views of a model agree, with each other and with a figure drawn anew; all of it fits."""
    page.browser.resize(360)
    page.again()
    changes = page.example["changes"]
    for change, shown in zip(changes, page.do("(c) => contract.outside(c)", changes), strict=True):
        assert shown == {"changed": True, "other": [], "anew": [], "wide": []}, change
        figure = page.example["make"]()
        figure.set_state(change)
        assert {name: figure.state()[name] for name in change} == change


def test_changes_may_come_faster_than_frames(page):
    """A loop in Python, or a slow frame: nothing is drawn half old and half new."""
    page.again()
    assert page.do("(changes) => contract.hurry(changes)", page.example["changes"]) == []


def test_gives_everything_back_and_asks_for_nothing_while_it_rests(page):
    page.again()
    assert page.do("() => contract.quiet()"), "an idle page asks for frames or timers"
    assert page.do("() => contract.leftovers()") == []


def test_is_quiet_until_it_is_on_the_page_and_has_its_colours_there(page):
    """JupyterLab calls `render` first and puts the element on the page afterwards."""
    page.again()
    assert page.do("() => contract.later()") == [True, []]
