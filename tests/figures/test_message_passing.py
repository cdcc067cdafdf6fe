"""Message passing in a page from disk: nodes chosen, edges rewired, epochs scrubbed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import settle

from cnnbook import language
from cnnbook.figures import MessagePassing
from cnnbook.graphs import GCN, karate_club, normalised_adjacency

WIDTHS = (360, 700, 1280)
CLUB = karate_club()


def snapshots(hidden=3, count=3):
    """Weights of networks that were not trained: different at every epoch."""
    torch.manual_seed(1)
    return {10 * k: GCN(34, hidden, 2).state_dict() for k in range(count)}


def trained(**state):
    return MessagePassing(CLUB, snapshots(), **state)


def trait(page, name):
    settle(page)
    return page.evaluate(f"document.querySelector('.cnnbook-place').cnnbookModel.get('{name}')")


def heard(page):
    """The list beside the graph: [(speaker, weight), …]."""
    settle(page)
    lines = page.locator(".message-list tr").all()
    return [
        (line.locator("th").inner_text(), line.locator("td").first.inner_text()) for line in lines
    ]


def expected(figure, shown=7):
    row = figure.heard()
    order = [n for n in row.argsort(descending=True, stable=True).tolist() if row[n] > 0]
    order.sort(key=lambda node: (-round(float(row[node]), 6), node))
    name = {figure.node: figure.text("itself", node=figure.node)}
    lines = [(name.get(n, figure.text("speaker", node=n)), f"{row[n]:.3f}") for n in order[:shown]]
    rest = order[shown:]
    if rest:
        lines.append((figure.text("others", count=len(rest)), f"{float(row[rest].sum()):.3f}"))
    return lines


def centre(page, node, place=".message-board"):
    box = page.locator(f"{place} [data-node='{node}'] text").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("name", ["ko", "en"])
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("make", [lambda: MessagePassing(CLUB), trained])
def test_opens_in_both_languages_and_themes_at_every_width(open_figure, name, theme, make):
    language.set_language(name)
    figure = make()
    page = open_figure(figure, theme=theme)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("lang") == name and root.get_attribute("data-theme") == theme
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wide = "(nodes) => nodes.filter((n) => n.scrollWidth > n.clientWidth + 1).length"
        assert page.locator(".cnnbook-figure td, .cnnbook-figure button").evaluate_all(wide) == 0
    assert page.locator(".message-plane").count() == (1 if figure.weights else 0)


def test_asleep_it_is_a_picture_with_words(open_figure):
    figure = trained(node=8)
    page = open_figure(figure, java_script_enabled=False)
    assert page.locator("img").get_attribute("alt") == figure.alternative_text()


def test_keys_choose_the_node_and_the_layers(open_figure):
    figure = MessagePassing(CLUB)
    page = open_figure(figure)
    page.locator(".message-board").focus()
    assert heard(page) == expected(figure)
    for key, state in [
        ("ArrowRight", {"node": 1}),
        ("ArrowLeft", {"node": 0}),
        ("ArrowLeft", {"node": 33}),
        ("ArrowUp", {"layers": 2}),
        ("ArrowUp", {"layers": 2}),
        ("Home", {"node": 0}),
        ("End", {"node": 33}),
        ("ArrowLeft", {"node": 32}),
        ("ArrowDown", {"layers": 1}),
        ("ArrowDown", {"layers": 0}),
    ]:
        page.keyboard.press(key)
        for name, value in state.items():
            setattr(figure, name, value)
        assert heard(page) == expected(figure), key
    assert heard(page) == [(figure.text("itself", node=32), "1.000")]
    spoken = page.locator("[aria-live=polite]").inner_text()
    assert spoken == figure.text("truth", node=32, truth=figure.text("party_1"))


def test_the_mouse_points_and_drags(open_figure):
    figure = MessagePassing(CLUB)
    page = open_figure(figure)
    page.mouse.move(*centre(page, 11))
    assert trait(page, "node") == 11
    figure.node = 11
    assert heard(page) == expected(figure) and heard(page)[0][1] == "0.500"
    page.mouse.down()
    page.mouse.move(*centre(page, 33), steps=4)
    assert trait(page, "node") == 11  # nothing is chosen on the way
    page.mouse.up()
    assert [11, 33] in trait(page, "edges")
    figure.edges = [*figure.edges, [11, 33]]
    page.mouse.move(*centre(page, 11))
    assert heard(page) == expected(figure)
    assert figure.text("edges", count=79, changed=1) in page.locator(".message-facts").inner_text()
    assert page.locator("line.message-new").count() == 1
    page.mouse.down()
    page.mouse.move(*centre(page, 33))
    page.mouse.up()  # the same again cuts it
    assert len(trait(page, "edges")) == 78
    page.evaluate("document.querySelector('.cnnbook-place').cnnbookModel.set('edges', [])")
    page.mouse.dblclick(*centre(page, 5))
    assert trait(page, "edges") == figure.original and trait(page, "node") == 5


def test_buttons_connect_cut_and_restore(open_figure):
    figure = trained(node=8)
    page = open_figure(figure)
    page.get_by_role("combobox").select_option("33")
    button = page.get_by_role("button", name=figure.text("change", node=8, other=33))
    assert button.inner_text() == figure.text("disconnect")
    button.click()
    figure.edges = [edge for edge in figure.edges if edge != [8, 33]]
    assert heard(page) == expected(figure)
    assert button.inner_text() == figure.text("connect")
    right, count = figure.right()
    words = page.locator(".message-facts").inner_text()
    assert words == " · ".join(
        [figure.text("edges", count=77, changed=1), figure.text("right", right=right, count=count)]
    )
    page.get_by_role("button", name=figure.text("back")).click()
    assert trait(page, "edges") == figure.original


def test_epochs_are_scrubbed_and_the_nodes_move(open_figure):
    figure = trained()
    page = open_figure(figure)
    slider = page.get_by_role("slider", name=figure.text("epoch"))
    assert slider.get_attribute("aria-valuetext") == "20"
    places = []
    for snapshot in (2, 1, 0):
        assert trait(page, "snapshot") == snapshot
        places.append(centre(page, 5, ".message-plane"))
        slider.focus()
        page.keyboard.press("ArrowLeft")
    assert len(set(places)) == 3
    before = centre(page, 16, ".message-plane")
    page.evaluate(
        "document.querySelector('.cnnbook-place').cnnbookModel.set('edges', [[0, 33], [5, 16]])"
    )
    settle(page)
    assert centre(page, 16, ".message-plane") != before  # a rewired edge moves the embedding


def test_play_runs_to_the_end_and_without_motion_takes_one_step(open_figure):
    figure = trained(snapshot=0)
    page = open_figure(figure)
    page.locator(".message-board").press("Space")
    model = "document.querySelector('.cnnbook-place').cnnbookModel"
    page.wait_for_function(f"{model}.get('snapshot') === 2")
    page.get_by_role("button", name=figure.text("play"), exact=True).wait_for()
    still = open_figure(trained(snapshot=0), reduced_motion="reduce")
    still.get_by_role("button", name=figure.text("play")).click()
    still.wait_for_timeout(700)
    assert trait(still, "snapshot") == 1


@pytest.fixture(scope="module")
def functions(chromium, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "figure.html"
    MessagePassing(CLUB).save_html(path)
    page = chromium.new_page()
    page.goto(path.as_uri())
    yield lambda call, *values: page.evaluate(
        f"(v) => cnnbookFigures.message_passing.{call}", values
    )
    page.close()


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 10_000))
def test_the_arithmetic_is_that_of_cnnbook_graphs(functions, count, hidden, seed):
    torch.manual_seed(seed)
    adjacency = (torch.rand(count, count, dtype=torch.float64) < 0.4).double().triu(1)
    edges = adjacency.nonzero().tolist()
    matrix = normalised_adjacency(adjacency + adjacency.T)
    found = functions("normalize(v[0], v[1])", count, edges)
    np.testing.assert_allclose(found, matrix.numpy(), atol=1e-12)
    for layers in (0, 1, 2):
        powers = functions("heard(v[0], v[1])", found, layers)
        np.testing.assert_allclose(
            powers, torch.linalg.matrix_power(matrix, layers).numpy(), atol=1e-12
        )
    network = GCN(count, hidden, 2).double().eval()
    for values in network.parameters():
        values.data.normal_()
    flat = torch.cat([values.flatten() for values in network.parameters()]).tolist()
    logits = functions("logits(v[0], v[1])", found, flat)
    expected = network(torch.eye(count, dtype=torch.float64), matrix).detach().numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-10)


def test_toggling_an_edge(functions):
    assert functions("toggled(v[0], v[1], v[2])", [[0, 1]], 3, 2) == [[0, 1], [2, 3]]
    assert functions("toggled(v[0], v[1], v[2])", [[0, 1], [2, 3]], 3, 2) == [[0, 1]]


def test_python_and_page_know_the_same_weights():
    figure = MessagePassing(CLUB, {5: GCN(34, 4, 2).state_dict()}, node=3, layers=2)
    network = GCN(34, 4, 2).eval()
    network.load_state_dict({**network.state_dict()})
    assert len(figure.weights[0]) == 4 * 37 + 2 and figure.epochs == [5]
    assert figure.heard().sum() == pytest.approx(
        float(torch.linalg.matrix_power(normalised_adjacency(CLUB.adjacency), 2)[3].sum())
    )


def test_the_words_tell_who_is_loudest_and_how_many_are_right():
    language.set_language("en")
    figure = MessagePassing(CLUB, node=11)
    assert "34 nodes, 78 edges" in repr(figure)
    assert "11 (0.500), 0 (0.171)" in repr(figure)
    figure = trained()
    right, count = figure.right()
    assert count == 32 and f"is right about {right} of the 32" in repr(figure)
    assert len(figure.png()) < 60_000


@pytest.mark.parametrize(
    "state, message",
    [
        ({"node": 34}, "node is 34; it must lie between 0 and 33"),
        ({"layers": 3}, "layers is 3"),
        ({"snapshot": 1}, "snapshot is 1"),
        ({"edges": [[1, 0]]}, r"edges holds \[1, 0\]"),
        ({"edges": [[0, 1], [0, 1]]}, r"edges holds \[0, 1\]"),
        ({"edges": [[0, 34]]}, r"edges holds \[0, 34\]"),
    ],
)
def test_what_cannot_be_drawn_is_refused(state, message):
    with pytest.raises(ValueError, match=message):
        MessagePassing(CLUB, **state)


def test_graphs_that_do_not_fit_are_refused():
    from dataclasses import replace

    with pytest.raises(ValueError, match="it needs places"):
        MessagePassing(replace(CLUB, places=None))
    with pytest.raises(ValueError, match="3 classes"):
        MessagePassing(replace(CLUB, labels=torch.arange(34) % 3))
    with pytest.raises(ValueError, match="weights holds"):
        MessagePassing(CLUB, {0: {n: torch.zeros(5) for n in snapshots()[0]}})
