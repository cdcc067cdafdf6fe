"""The web book: Sphinx turns the committed notebooks of one edition into HTML pages.

    python tools/book.py          both editions, as `make book` does

tools/book.py calls Sphinx once for `notebooks/ko` and once for `notebooks/en`, with this file
and the tag `ko` or `en`. Nothing is executed: the pages show the outputs that are committed.
What is done to a notebook before Sphinx reads it stands in tools/book_pages.py, the Korean
search in tools/book_search.py.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tools")]

import editions  # noqa: E402

from cnnbook import language as edition  # noqa: E402

edition.set_language("en" if tags.has("en") else "ko")  # noqa: F821  (Sphinx gives `tags`)
word = edition.words("book")

project = word["title"]
author = word["authors"]
copyright = word["licence"]
language = edition.language()

extensions = [
    "myst_nb",
    "sphinx_copybutton",
    "sphinxcontrib.bibtex",
    "book_pages",
    "book_reference",
    "book_search",
]
exclude_patterns = ["**.ipynb_checkpoints"]
templates_path = ["_templates"]

# ---- the text
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # the figures bring their own script
myst_enable_extensions = ["dollarmath", "deflist", "attrs_inline"]
html_math_renderer = "mathml"
bibtex_bibfiles = ["references.bib"]
bibtex_cite_id = "{key}"
copybutton_selector = "div.cell_input pre, details pre"

# ---- the reference of the package
default_role = "py:obj"  # `x` in a docstring is code, and a link where it names something
autodoc_typehints = "signature"
napoleon_use_param = False  # "array of shape (N, C)" is a description, no name of a class
napoleon_use_rtype = False
nitpick_ignore_regex = [("py:.*", r"(?!cnnbook\.).*")]  # torch's own pages are not at hand
html_domain_indices = False  # the page lists its modules itself

# ---- the pages
html_theme = "sphinx_book_theme"
html_title = word["title"]
html_static_path = ["_static", *map(str, (HERE.parent / "cnnbook" / "assets").glob("*.woff2"))]
html_css_files = ["article.css", "book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_search_scorer = str(HERE / "_static" / "search_order.js")
html_show_search_summary = False  # it fetches pages, which file:// forbids
html_show_sphinx = False
html_copy_source = True  # the notebook for the download button
html_context = {"book": word, "other_edition": "ko" if language == "en" else "en"}

# The address of the repository, for the buttons "Colab" and "Binder". While pyproject.toml has no
# owner there are none: better no button than one that leads nowhere. The GitHub workflow sets it.
repository = os.environ.get("CNNBOOK_REPOSITORY", editions.repository())
repository = "" if "/OWNER/" in repository else repository
html_theme_options = {
    "article_header_end": ["edition-switch.html", "article-header-buttons.html"],
    "navbar_persistent": [],
    "search_bar_text": word["search"],
    "show_toc_level": 2,
    "toc_title": word["contents"],
    "use_download_button": False,  # tools/book_pages.py has its own
    "footer_content_items": ["copyright.html"],
}
if repository:
    html_theme_options |= {
        "repository_url": repository,
        "repository_branch": os.environ.get("CNNBOOK_BRANCH", "main"),
        "path_to_docs": f"notebooks/{language}",
        "use_repository_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        },
    }
