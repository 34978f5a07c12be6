"""Configuration of the documentation."""

import sys
from pathlib import Path

import skssl

sys.path.insert(0, str(Path(__file__).parent))
from kept_outputs import kept

project = "skssl"
author = "the skssl developers"
version = release = skssl.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "myst_parser",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "kept_outputs",
]
exclude_patterns = ["_build"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # All are run but those whose outputs are kept.
    "filename_pattern": rf"/(?!(?:{'|'.join(kept())})\.py$)\w+\.py$",
    "ignore_pattern": r"__init__|/serve_\w+\.py$",
    "subsection_order": [
        f"../examples/{folder}"
        for folder in ("with_few_labels", "looking", "giving_back", "journeys")
    ],
    "within_subsection_order": "ExampleTitleSortKey",
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "show_memory": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skssl"
html_theme_options = {"header_links_before_dropdown": 6}
html_static_path = ["_static"]
html_css_files = ["skssl.css"]
# The first page links to everything itself, and there are no pages below the benchmarks.
html_sidebars = {"index": [], "benchmarks": []}
