"""Write the inventories of the names in ``names.toml``, so that the build needs no network.

    python docs/_inventories/write.py
    python docs/_inventories/write.py --full sklearn=FILE --full torch=FILE

Without more, the places are those of ``names.toml``. FILE is the project's whole ``objects.inv``:
then its places are kept, whatever ``names.toml`` says. A name that it does not have is an error.
"""

import argparse
import tomllib
from pathlib import Path

import sphobjinv

FOLDER = Path(__file__).parent
# What a link to a label says: of other names, they themselves.
TITLES = {
    "accuracy_score": "Accuracy score",
    "bltin-boolean-values": "Boolean values",
    "metadata_routing": "Metadata Routing",
    "df_output_transform": "Pandas/Polars output for transformers with set_output",
    "sphx_glr_auto_examples_miscellaneous_plot_set_output.py": "Introducing the set_output API",
}


def wanted(project):
    """Yield kind, name and place of all names of a project in ``names.toml``."""
    for kind, places in project.items():
        if kind != "url":
            for place, names in places.items():
                yield from ((kind, name, place.replace("$", name)) for name in names)


def known(file):
    """Return the places of an inventory by kind and name."""
    objects = sphobjinv.Inventory(file).objects
    return {(f"{one.domain}:{one.role}", one.name): one.uri_expanded for one in objects}


def inventory(title, project, file=None):
    """Return an inventory of the names of a project, with the places of `file` if there is one."""
    short = sphobjinv.Inventory()
    short.project, short.version = title, ""
    places = known(file) if file else {}
    for kind, name, place in wanted(project):
        if file and (kind, name) not in places:
            raise SystemExit(f"{file} has no {kind} {name!r}")
        domain, role = kind.split(":")
        short.objects.append(
            sphobjinv.DataObjStr(
                name=name,
                domain=domain,
                role=role,
                priority="1" if domain == "py" else "-1",
                uri=places.get((kind, name), place),
                dispname=TITLES.get(name, "-"),
            )
        )
    return short


def main():
    """Write an inventory for each project."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="append", default=[], metavar="PROJECT=FILE")
    full = dict(argument.split("=", 1) for argument in parser.parse_args().full)
    projects = tomllib.loads((FOLDER / "names.toml").read_text())
    if unknown := full.keys() - projects.keys():
        raise SystemExit(f"names.toml has no {unknown}, only {list(projects)}")
    for title, project in projects.items():
        text = inventory(title, project, full.get(title)).data_file()
        sphobjinv.writebytes(FOLDER / f"{title}.inv", sphobjinv.compress(text))


if __name__ == "__main__":
    main()
