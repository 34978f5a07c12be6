"""Print the oldest allowed release of every dependency, and of those in the extras named."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
needed = [*project["dependencies"], *(one for name in sys.argv[1:] for one in extras[name])]
for requirement in dict.fromkeys(needed):
    name, relation, floor = re.fullmatch(r"([\w-]+)(>=|==)([\w.]+)", requirement).groups()
    print(f"{name}=={floor}")
