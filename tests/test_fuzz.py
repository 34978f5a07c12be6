"""Inputs that nobody thought of, some hundreds of them; `python tests/fuzz.py` tries more."""

import pytest
from fuzz import KINDS, search

N_OF_KIND = 8
# A process that is forked takes its time.
N_FORKED = 4


# `pytest -m slow` tries twice as many others.
@pytest.mark.parametrize("part", [0, *(pytest.param(p, marks=pytest.mark.slow) for p in (1, 2))])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_right_or_a_clear_error(kind, part):
    pytest.importorskip("pandas")
    n = N_FORKED if kind == "forks" else N_OF_KIND
    found = search(n, first=part * n, kinds=[kind])
    faults = [
        f"{number}: {attempt.what}: {ended}"
        for number, _, attempt, ended in found
        if ended.startswith("fault")
    ]
    assert not faults
