"""Write what is kept in ``benchmarks/results`` into ``docs/benchmarks``, as it is printed.

    python benchmarks/page.py

One of the pages has a place for a part, between the lines ``<!-- NAME -->`` and ``<!-- end NAME
-->``; a part without one gets a page of its own. There comes what the part's script prints of the
rows that are kept, also of a part that is not through, and before it when, where and at which
commits these were measured. Nothing is measured. ``figures.py`` draws the figures.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

from keeping import FOLDER, Kept
from run import PARTS, Part

PAGES = FOLDER.parent / "docs" / "benchmarks"


def printed(part: Part) -> str:
    """Return when, where and at which commits a part was measured, and what its script prints."""
    file = part.under_way if part.under_way.exists() else part.file
    command = [sys.executable, *part.command, "--kept", "--json", str(file)]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=True)
    # The first line has the versions of now.
    tables = done.stdout.partition("\n")[2].strip()
    return f"{_measured(Kept(file), is_open=part.is_open())}\n\n{tables}"


def _measured(kept: Kept, *, is_open: bool) -> str:
    rows = kept.measured()
    dates, commits, machines = (
        sorted({row[key] for row in rows}) for key in ("date", "commit", "machine")
    )
    minutes = sum(row["seconds"] for row in rows) / 60
    lasted = f"{minutes / 60:.1f} hours" if minutes >= 100 else f"{max(1, minutes):.0f} minutes"
    more = " Some rows have not been measured yet." if is_open else ""
    return (
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} at {', '.join(commits)}, in "
        f"{lasted} of {'; '.join(machines)}.{more}"
    )


def add_page(part: Part) -> Path:
    """Write a page for a part that has no place yet, with what its script says of itself."""
    page = PAGES / f"{part.name}.md"
    if page.exists():
        raise SystemExit(f"{page} has no line <!-- {part.name} -->, so its place is not known")
    about = ast.get_docstring(ast.parse((FOLDER.parent / part.command[0]).read_text()))
    title = part.name.replace("few_labels_", "few labels: ").replace("_", " ").capitalize()
    page.write_text(
        f"# {title}\n\n`python {' '.join(part.command)}`. {str(about).splitlines()[0]}\n\n"
        f"<!-- {part.name} -->\n<!-- end {part.name} -->\n"
    )
    return page


def main() -> None:
    pages = sorted(PAGES.glob("*.md"))
    for part in PARTS:
        if part.file.exists() or part.under_way.exists():
            place = re.compile(f"(<!-- {part.name} -->\n).*?(<!-- end {part.name} -->)", re.DOTALL)
            found = [page for page in pages if place.search(page.read_text())]
            page, text = found[0] if found else add_page(part), printed(part)
            page.write_text(
                place.sub(lambda at, text=text: f"{at[1]}\n{text}\n\n{at[2]}", page.read_text())
            )
            print(f"{part.name} is in {page.name}")


if __name__ == "__main__":
    main()
