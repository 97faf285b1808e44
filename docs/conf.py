"""Sphinx configuration. The commands page is written from the declarations each time."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from commands_page import write_commands_page

import micrographia

project = "Micrographia"
author = "The Micrographia developers"
copyright = "2026, the Micrographia developers"
release = version = micrographia.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

autosummary_generate = True
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = "Micrographia"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_sourcelink = False
# Pages without pages below them need no column for these.
_WHOLE = ("index", "getting-started", "how-it-works", "commands", "architecture", "benchmarks", "search", "genindex")
html_sidebars = {page: [] for page in _WHOLE}
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
}

write_commands_page(Path(__file__).parent / "commands.md")
