"""Formulas as MathML, which browsers show and screen readers read without a script or a network."""

import re

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.errors import ExtensionError


def mathml(formula, display):
    """Return LaTeX as MathML; an error where browsers would show something else than is meant.

    latex2mathml writes a command that it does not know as it is, and letters of other alphabets and
    the space around an arrow's label as attributes, which browsers ignore.
    """
    written = convert(formula, display=display)
    strange = re.search(r'\\[^<]*|mathvariant="(?!normal)[^"]*"|<mpadded', written)
    if strange:
        raise ValueError(f"{strange[0]} of the formula {formula!r} has no form in MathML")
    return written


def _visit(before, after, display):
    def visit(self, node):
        try:
            self.body.append(f"{before}{mathml(node.astext(), display)}{after}")
        except Exception as error:
            raise ExtensionError(f"{self.builder.current_docname}: {error!r}") from error
        raise nodes.SkipNode

    return visit


def setup(app):
    """Register the renderer, which `html_math_renderer` names."""
    app.add_html_math_renderer(
        "mathml",
        inline_renderers=(_visit("", "", "inline"), None),
        block_renderers=(_visit('<div class="formula">', "</div>\n", "block"), None),
    )
    return {"parallel_read_safe": True, "parallel_write_safe": True}
