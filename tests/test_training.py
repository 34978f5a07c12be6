"""What "auto" means for the budget, the precision and the temperature."""

import numpy as np
import pytest
import torch
from cases import tiny_mlp
from torch import nn

from skssl import SimCLR
from skssl.training import auto_epochs, uses_bfloat16


@pytest.mark.parametrize(
    ("n_samples", "steps"),
    [(30, 300), (1000, 300), (9000, 1121), (50_000, 3137), (3_000_000, 4000)],
)
def test_budget_is_counted_in_steps(n_samples, steps):
    batch_size = min(256, n_samples)
    epochs = auto_epochs(n_samples, batch_size)
    per_epoch = n_samples // batch_size
    assert steps <= epochs * per_epoch < steps + per_epoch
    # Rows that are learned from beside those of an epoch count alike.
    assert auto_epochs(30, 30, n_others=n_samples - 30) in (steps, steps + 1)
    assert auto_epochs(30, 30, times=2) == 600


def test_bfloat16_on_a_cpu_is_for_convolutions(monkeypatch):
    cpu = torch.device("cpu")
    convolution, linear = nn.Sequential(nn.Conv2d(1, 1, 3)), nn.Linear(2, 2)
    for able in (True, False):
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda able=able: {"avx512_bf16": able}, raising=False
        )
        assert uses_bfloat16("auto", cpu, convolution) is able
        assert not uses_bfloat16("auto", cpu, linear)
    assert uses_bfloat16("bfloat16", cpu, linear)
    assert not uses_bfloat16("float32", cpu, convolution)


def test_temperature_is_lower_for_many_samples(rng):
    X = rng.normal(size=(8000, 3)).astype(np.float32)
    ssl = SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu")
    assert ssl.fit(X).temperature_ == 0.2
    assert ssl.fit(X[:100]).temperature_ == 0.5
    assert ssl.set_params(temperature=1).fit(X).temperature_ == 1.0
    assert ssl.temperature == 1
