"""The kit: themes of hosts that the contract's page does not know, and a slider's way back."""

import pytest
from looks import settle

from cnnbook.figures import CostExplorer, KernelMotion


@pytest.mark.parametrize(
    "names, theme, ground",
    [
        ("vscode-dark", "dark", "rgb(20, 24, 29)"),
        ("vscode-high-contrast", "dark", "rgb(0, 0, 0)"),
        ("vscode-high-contrast vscode-high-contrast-light", "light", "rgb(255, 255, 255)"),
    ],
)
def test_follows_the_themes_of_vs_code(open_figure, names, theme, ground):
    page = open_figure(KernelMotion(), theme="light" if theme == "dark" else "dark")
    page.evaluate("(names) => { document.body.className = names; }", names)
    settle(page)
    root = page.locator(".cnnbook-figure")
    assert root.get_attribute("data-theme") == theme
    assert root.evaluate("(node) => getComputedStyle(node).backgroundColor") == ground


def test_a_double_click_puts_a_slider_back_to_where_it_stood(open_figure):
    figure = CostExplorer(filters1=8)
    page = open_figure(figure)
    slider = page.get_by_label(f"conv1 {figure.words['filters']}", exact=True)
    get = "document.querySelector('.cnnbook-place').cnnbookModel.get('filters1')"
    slider.press("End")
    assert page.evaluate(get) == 128
    slider.dblclick()
    assert page.evaluate(get) == 8 and slider.input_value() == "8"
