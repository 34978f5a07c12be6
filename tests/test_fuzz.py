"""Inputs that nobody thought of, some hundreds of them; `python tests/fuzz.py` tries more."""

import pytest
from fuzz import KINDS, search

# A process that is forked takes its time.
N_OF_KIND = {"forks": 8}


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_right_or_a_clear_error(kind):
    pytest.importorskip("pandas")
    found = search(N_OF_KIND.get(kind, 25), kinds=[kind])
    faults = [
        f"{number}: {attempt.what}: {ended}"
        for number, _, attempt, ended in found
        if ended.startswith("fault")
    ]
    assert not faults
