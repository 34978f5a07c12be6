"""The gallery: every example reads as a page, and what it printed and drew is that of its code."""

import ast
import importlib
import importlib.util
import json
from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).parents[1] / "docs"
spec = importlib.util.spec_from_file_location("kept_outputs", DOCS / "_ext" / "kept_outputs.py")
kept_outputs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kept_outputs)

EXAMPLES = kept_outputs.examples()
KEPT = kept_outputs.kept()
THUMBNAIL = "# sphinx_gallery_thumbnail_path = "


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_has_a_title_and_uses_public_names_only(name):
    source = EXAMPLES[name].read_text(encoding="utf-8")
    tree = ast.parse(source)
    title, line, *_ = ast.get_docstring(tree).splitlines()
    assert line == "=" * len(title)
    compile(tree, name, "exec")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == "skssl":
            public = importlib.import_module(node.module).__all__
            assert [alias.name for alias in node.names if alias.name not in public] == []


def test_what_needs_data_is_not_run_by_the_documentation():
    reads = [name for name, path in EXAMPLES.items() if "SKSSL_DATA" in path.read_text()]
    assert set(reads) <= set(KEPT) <= set(EXAMPLES)


@pytest.mark.parametrize("name", KEPT)
def test_kept_outputs_are_of_the_code_as_it_is(name):
    folder, source = kept_outputs.OUTPUTS / name, EXAMPLES[name].read_text(encoding="utf-8")
    about = json.loads((folder / "run.json").read_text())
    assert about["code"] == kept_outputs.digest(EXAMPLES[name]), (
        f"python docs/_ext/kept_outputs.py {name}"
    )
    assert about["cpu_seconds"] <= 300  # two minutes on two cores, and what work beside it costs
    assert list(folder.glob("*.txt"))
    (thumbnail,) = [line for line in source.splitlines() if line.startswith(THUMBNAIL)]
    path = DOCS / ast.literal_eval(thumbnail.removeprefix(THUMBNAIL))
    assert path.parent == folder
    for image in [path, *folder.glob("*.png")]:
        assert image.stat().st_size < 60_000
        with Image.open(image) as opened:
            assert opened.width <= 950


def test_outputs_are_shown_below_their_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_outputs, "OUTPUTS", tmp_path)
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "2.txt").write_text("of the second\n")
    (folder / "run.json").write_text('{"cpu_seconds": 7}')
    block = ".. code-block:: Python\n\n    {}\n\n\n"
    page = [
        f"{block.format('first()')}Text.\n\n{block.format('second()')}.. _sphx_glr_download_x:\n"
    ]
    kept_outputs.show(None, "auto_examples/here/one", page)
    first, second, shown, said = map(
        page[0].index, ("first()", "second()", "of the second", "7 seconds")
    )
    assert first < second < shown < said
    other = ["as it was"]
    kept_outputs.show(None, "auto_examples/here/other", other)
    assert other == ["as it was"]
