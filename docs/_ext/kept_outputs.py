"""Outputs of the examples that the documentation does not run while it is built.

    python docs/_ext/kept_outputs.py faces spam

runs these examples, block by block, and keeps what they print and draw in `docs/_outputs`. A folder
there makes an example one that is not run: as an extension of Sphinx, this module shows what is
kept below the block that it came from. `run.json` has a digest of the code, so that a test finds
what was changed after it was run.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import json
import re
import shutil
import sys
import textwrap
import time
import types
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
EXAMPLES, OUTPUTS = DOCS.parent / "examples", DOCS / "_outputs"
# Of a figure in a file: colours, with which it is smaller than with all of them, and pixels.
_COLOURS, _WIDEST = 256, 950
_CODE_BLOCK = re.compile(r"^\.\. code-block:: Python\n(?:\n|[ ].*\n)+", flags=re.MULTILINE)


def examples() -> dict[str, Path]:
    """Return the files of the gallery by name."""
    return {
        path.stem: path
        for path in sorted(EXAMPLES.rglob("*.py"))
        if path.parent.name != "serving"  # shown by the one that has them run
    }


def kept() -> list[str]:
    """Return the names of the examples whose outputs are kept."""
    return sorted(path.parent.name for path in OUTPUTS.glob("*/run.json"))


def digest(path: Path) -> str:
    """Return a digest of the code of an example, without comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    code = [statement for statement in tree.body if not _is_docstring(statement)]
    return hashlib.sha256(ast.dump(ast.Module(code, [])).encode()).hexdigest()[:16]


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def run(path: Path, folder: Path) -> None:
    """Run an example, and keep in a folder what each of its blocks of code printed and drew."""
    from sphinx_gallery.py_source_parser import split_code_and_text_blocks

    _, blocks = split_code_and_text_blocks(str(path))
    codes = [(block.content, block.lineno) for block in blocks if block.type == "code"]
    # What an example defines can be pickled only if its module is known.
    module = sys.modules["__main__"] = types.ModuleType("__main__")
    module.__file__ = str(path)
    about: dict[str, Any] = {"code": digest(path)}
    start = time.process_time()
    with TemporaryDirectory() as new:
        for number, (code, line) in enumerate(codes, start=1):
            program = ast.increment_lineno(ast.parse(code), line - 1)
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(program, str(path), "exec"), module.__dict__)
            if text := printed.getvalue():
                (Path(new) / f"{number}.txt").write_text(text, encoding="utf-8")
                print(text, end="", flush=True)
            _keep_figures(Path(new), number)
        about["cpu_seconds"] = round(time.process_time() - start)
        (Path(new) / "run.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(new, folder)
    print(f"{path.stem}: {about['cpu_seconds']} s of CPU time", flush=True)


def _keep_figures(folder: Path, number: int) -> None:
    import matplotlib.pyplot as plt
    from PIL import Image

    for count, figure in enumerate(map(plt.figure, plt.get_fignums())):
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=min(100, _WIDEST / figure.get_figwidth()))
        image = Image.open(drawn).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
        image.save(folder / f"{number}{'abcdefgh'[count]}.png", optimize=True)
    plt.close("all")


def _output(name: str, number: int) -> Iterator[str]:
    """Yield the reStructuredText of what a block printed and drew, as sphinx-gallery has it."""
    for image in sorted((OUTPUTS / name).glob(f"{number}[a-h].png")):
        yield (
            f".. image:: /_outputs/{name}/{image.name}\n   :alt: What the code above draws\n"
            "   :class: sphx-glr-single-img\n"
        )
    text = OUTPUTS / name / f"{number}.txt"
    if text.exists():
        printed = textwrap.indent(text.read_text(encoding="utf-8"), " " * 4)
        yield f".. rst-class:: sphx-glr-script-out\n\n .. code-block:: none\n\n{printed}"


def show(app: Sphinx, page: str, source: list[str]) -> None:
    """Put kept outputs into the page of an example, when Sphinx reads it."""
    name = page.rpartition("/")[2]
    if not page.startswith("auto_examples/") or name not in kept():
        return
    numbers = iter(range(1, 1000))

    def with_output(block: re.Match[str]) -> str:
        return "\n\n".join([block[0], *_output(name, next(numbers)), ""])

    about = json.loads((OUTPUTS / name / "run.json").read_text(encoding="utf-8"))
    said = (
        "\n.. note::\n\n   The outputs on this page are kept from a run of "
        f"{about['cpu_seconds']} seconds of one CPU core.\n\n"
    )
    text = _CODE_BLOCK.sub(with_output, source[0])
    source[0] = text.replace(".. _sphx_glr_download_", said + ".. _sphx_glr_download_", 1)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", show)
    return {"parallel_read_safe": True}


def main() -> None:
    """Run the examples that the command line names."""
    import matplotlib as mpl

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="+", choices=sorted(examples()))
    mpl.use("agg")
    for name in parser.parse_args().names:
        run(examples()[name], OUTPUTS / name)


if __name__ == "__main__":
    main()
