"""Configuration of the documentation."""

import re
import sys
import tomllib
from pathlib import Path

# The gallery looks up names of examples, which scikit-learn refuses for this one without it.
from sklearn.experimental import enable_iterative_imputer  # noqa: F401

import skssl

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
from kept_outputs import kept

HERE = Path(__file__).parent
project = "skssl"
author = project_copyright = "the skssl developers"
version = release = skssl.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "kept_outputs",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
autosummary_generate = True
# What only those call who write methods is described on a page of its own.
_hooks = re.findall(r"automethod:: \w+\.(\w+)$", (HERE / "extending/hooks.rst").read_text(), re.M)
# Of modalities and views, this is what users call.
_used = ["check", "encoder_names", "load", "preparation", "prepare"]
_used += ["get_params", "glyphs", "local", "mild", "photos", "set_params", "weak"]
autosummary_context = {"hooks": _hooks, "used": _used}
# Figures of the pages, whose code the tests run as well.
plot_include_source = True
plot_formats = [("png", 110)]
plot_html_show_formats = plot_html_show_source_link = False
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False

# The build has no network: _inventories has the names that are linked to.
_names = tomllib.loads((HERE / "_inventories" / "names.toml").read_text())
intersphinx_mapping = {
    name: (project["url"], f"_inventories/{name}.inv") for name, project in _names.items()
}
# Types of parameters that are links; all other words stay as they are.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "array-like": ":term:`sklearn:array-like`",
    "BaseEstimator": "sklearn.base.BaseEstimator",
    "DataFrame": "pandas.DataFrame",
    "Generator": "torch.Generator",
    "Modality": "skssl.modality.Modality",
    "Module": "torch.nn.Module",
    "ndarray": "numpy.ndarray",
    "nn.Module": "torch.nn.Module",
    "Optimizer": "torch.optim.Optimizer",
    "Path": "pathlib.Path",
    "RandomState": "numpy.random.RandomState",
    "SelfSupervisedTransformer": "skssl.base.SelfSupervisedTransformer",
    "Tensor": "torch.Tensor",
    "torch.device": "torch.device",
    "torch.Generator": "torch.Generator",
    "Views": "skssl.views.Views",
}

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    # All are run but those whose outputs are kept.
    "filename_pattern": rf"/(?!(?:{'|'.join(kept())})\.py$)\w+\.py$",
    "subsection_order": [
        f"../examples/{folder}"
        for folder in ("with_few_labels", "looking", "giving_back", "journeys")
    ],
    "within_subsection_order": "ExampleTitleSortKey",
    "remove_config_comments": True,
    "abort_on_example_error": True,
    "show_memory": False,
    "write_computation_times": False,
}

# What is copied is what can be run: neither prompts nor output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = f"skssl {version}"
html_theme_options = {
    "header_links_before_dropdown": 6,
    "logo": {"text": html_title},
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_static_path = ["_static"]
html_css_files = ["skssl.css"]
# The first page links to everything itself. Examples need the room for their lines of code.
html_sidebars = {"index": [], "auto_examples/**": []}
