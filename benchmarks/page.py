"""Write what is kept in ``benchmarks/results`` into ``docs/benchmarks.md``, as it is printed.

    python benchmarks/page.py

The page has a place for every part, between the lines ``<!-- NAME -->`` and ``<!-- end NAME -->``:
there comes what the part's script prints of the rows that are kept, also of a part that is not
through, and before it when, where and at which commits these were measured. Nothing is measured.
"""

from __future__ import annotations

import re
import subprocess
import sys

from keeping import FOLDER, Kept
from run import PARTS, Part

PAGE = FOLDER.parent / "docs" / "benchmarks.md"


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
    hours = sum(row["seconds"] for row in rows) / 3600
    return (
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} at {', '.join(commits)}, in "
        f"{hours:.1f} hours of {'; '.join(machines)}{', not through yet' if is_open else ''}."
    )


def main() -> None:
    page = PAGE.read_text()
    for part in PARTS:
        place = re.compile(f"(<!-- {part.name} -->\n).*?(<!-- end {part.name} -->)", re.DOTALL)
        if place.search(page) and (part.file.exists() or part.under_way.exists()):
            text = printed(part)
            page = place.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
            print(f"{part.name} is written")
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
