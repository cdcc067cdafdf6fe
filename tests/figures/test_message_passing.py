"""Message passing in a page from disk: nodes chosen, edges rewired, epochs scrubbed."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from looks import MODEL, put, settle, shares, trait

from cnnbook import language
from cnnbook.figures import MessagePassing
from cnnbook.graphs import GCN, karate_club, normalised_adjacency

CLUB = karate_club()


def trained(**state):
    """Weights of networks that were not trained: different at every epoch."""
    torch.manual_seed(1)
    return MessagePassing(CLUB, {10 * k: GCN(34, 3, 2).state_dict() for k in range(3)}, **state)


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
    return shares(box, 0.5, 0.5)


def test_the_list_says_who_is_heard(open_figure):
    figure = MessagePassing(CLUB)
    page = open_figure(figure)
    for state in ({"node": 1}, {"node": 33}, {"layers": 2}, {"node": 32, "layers": 0}):
        put(page, **state)
        figure.set_state(state)
        assert heard(page) == expected(figure), state
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
    put(page, edges=[])
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
    changed = figure.text("edges", count=77, changed=1)
    told = f"{changed} · {figure.text('right', right=right, count=count)}"
    assert page.locator(".message-facts").inner_text() == told
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
    put(page, edges=[[0, 33], [5, 16]])
    assert centre(page, 16, ".message-plane") != before  # a rewired edge moves the embedding


def test_play_runs_to_the_end_and_without_motion_takes_one_step(open_figure):
    figure = trained(snapshot=0)
    page = open_figure(figure)
    page.locator(".message-board").press("Space")
    page.wait_for_function(f"{MODEL}.get('snapshot') === 2")
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


def test_the_words_tell_who_is_loudest_and_how_many_are_right():
    language.set_language("en")
    figure = MessagePassing(CLUB, node=11)
    assert "34 nodes, 78 edges" in repr(figure)
    assert "11 (0.500), 0 (0.171)" in repr(figure)
    figure = trained()
    right, count = figure.right()
    assert count == 32 and f"is right about {right} of the 32" in repr(figure)
    assert len(figure.png()) < 60_000
