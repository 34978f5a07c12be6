"""What "auto" means for the budget, the precision and the temperature."""

import numpy as np
import pytest
import torch
from cases import tiny_conv, tiny_mlp
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from skssl import (
    DINO,
    MSN,
    NNCLR,
    DeepCluster,
    JigsawPuzzle,
    MaskedAutoencoder,
    MoCo,
    ReSSL,
    SimCLR,
    SMoG,
    SwAV,
)
from skssl.modality import Tabular
from skssl.nn import Objective, Prototypes, Queue
from skssl.semi_supervised import FineTuneClassifier, FineTuneRegressor
from skssl.training import (
    Batches,
    NonFiniteLossError,
    affordable_steps,
    auto_batch_size,
    auto_steps,
    count_work,
    epochs_of,
    resolve_device,
    uses_bfloat16,
)
from skssl.training._muon import Muon, orthogonalize


@pytest.mark.parametrize(
    ("n_samples", "steps"),
    [(30, 300), (1000, 300), (9000, 1121), (50_000, 3137), (3_000_000, 4000)],
)
def test_budget_is_counted_in_steps(n_samples, steps):
    batch_size = min(256, n_samples)
    epochs = epochs_of(auto_steps(n_samples), n_samples, batch_size)
    per_epoch = n_samples // batch_size
    assert steps <= epochs * per_epoch < steps + per_epoch
    # Without much work it is the whole budget.
    assert auto_batch_size(n_samples, 1e-6, smallest=64) == 256
    assert affordable_steps(n_samples, 256, 1e-6) == auto_steps(n_samples)


@pytest.mark.parametrize("n_samples", [30, 1000, 50_000])
def test_work_is_bounded(n_samples):
    for seconds in np.geomspace(1e-5, 10, 50):
        batch_size = auto_batch_size(n_samples, seconds, smallest=64)
        steps = affordable_steps(n_samples, batch_size, seconds)
        assert 64 <= batch_size <= 256 and batch_size % 16 == 0
        assert 50 <= steps <= auto_steps(n_samples)
        # Batches become smaller before steps become fewer.
        assert batch_size == 64 or steps == auto_steps(n_samples) or n_samples <= 64
        most = auto_steps(n_samples) / 3 * max(1, n_samples / 1000) ** -0.08
        assert steps * min(batch_size, n_samples) * seconds <= 1.001 * most or steps == 50


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "sizes"), [(9, 4, [5, 4]), (257, 256, [257]), (4, 2, [2, 2])]
)
def test_all_samples_are_shown_before_training(monkeypatch, n_samples, batch_size, sizes):
    shown = []
    prepare = Objective.before_training

    def look(objective, batches, draw_views):
        shown.append(list(batches()))
        prepare(objective, batches, draw_views)

    monkeypatch.setattr(Objective, "before_training", look)
    X = np.arange(2.0 * n_samples, dtype=np.float32).reshape(n_samples, 2)
    SimCLR(
        modality=Tabular(scaling=None),
        encoder=tiny_mlp,
        batch_size=batch_size,
        max_epochs=0,
        random_state=0,
    ).fit(X)
    rows = torch.cat([rows for rows, _ in shown[0]])
    assert [len(batch) for _, batch in shown[0]] == sizes
    # All of them once, mixed however they are sorted, and each by the number that it has.
    assert torch.equal(rows.sort().values, torch.arange(n_samples))
    assert not torch.equal(rows, torch.arange(n_samples))
    assert torch.equal(
        torch.cat([batch for _, batch in shown[0]])[rows.argsort()],
        torch.from_numpy(X),
    )


def test_work_is_counted_from_shapes():
    layer = nn.Linear(300, 500, bias=False)
    seconds = count_work(layer, torch.zeros(4, 300))
    # Forward and back to the weights, and the output, a gradient of it, and that of the weights.
    products, written = 2 * 2 * 300 * 500, 500 + 500 + 300 * 500 / 4
    assert seconds == pytest.approx(products / 6e10 + written / 1e9, rel=0.05)
    for p in layer.parameters():
        p.requires_grad = False
    assert count_work(layer, torch.zeros(4, 300)) == pytest.approx(
        2 * 300 * 500 / 6e10 + 500 / 1e9, rel=0.05
    )


def test_large_samples_get_smaller_batches_and_fewer_steps(monkeypatch, rng):
    images = rng.integers(0, 255, (70, 8, 8), dtype=np.uint8)
    shared = {"encoder": tiny_conv, "max_epochs": 1, "device": "cpu"}
    assert SimCLR(**shared).fit(images).batch_size_ == 70
    monkeypatch.setattr("skssl.training._work._SECONDS_OF_STEP", 1e-9)
    short = SimCLR(encoder=tiny_conv, device="cpu").fit(images)
    assert (short.batch_size_, short.n_iter_) == (64, 50)
    assert SimCLR(**shared, batch_size=70).fit(images).batch_size_ == 70
    assert SimCLR(**shared).fit(images).n_iter_ == 1
    # What is hidden of a sample costs the encoder nothing.
    works = [
        MaskedAutoencoder(width=16, depth=2, n_heads=2, mask_ratio=ratio, max_epochs=0).fit(images)
        for ratio in (0.2, 0.8)
    ]
    assert works[0]._work > 1.2 * works[1]._work


def test_memory_is_pinned_for_cuda_only(monkeypatch):
    def refuse(batch):
        raise RuntimeError("no memory can be pinned")

    monkeypatch.setattr(torch.Tensor, "pin_memory", refuse)
    settings = {"batch_size": 4, "generator": torch.Generator()}
    other = torch.device("meta")
    devices = [batch.device for batch in Batches(torch.rand(10, 2), device=other, **settings)]
    assert devices == [other, other]


def test_apples_gpus_are_taken_by_name_only(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")


def test_bfloat16_on_a_cpu_is_for_convolutions(monkeypatch):
    cpu = torch.device("cpu")
    convolution, linear = nn.Sequential(nn.Conv2d(1, 1, 3)), nn.Linear(2, 2)
    for able, limit in ((True, "AVX512"), (True, "AVX2"), (False, "AVX512")):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda limit=limit: limit)
        monkeypatch.setattr(
            torch.cpu, "get_capabilities", lambda able=able: {"avx512_bf16": able}, raising=False
        )
        assert uses_bfloat16("auto", cpu, convolution) is (able and limit == "AVX512")
        assert not uses_bfloat16("auto", cpu, linear)
    assert uses_bfloat16("bfloat16", cpu, linear)
    assert not uses_bfloat16("float32", cpu, convolution)


@pytest.mark.parametrize("shape", [(3, 8, 72), (2, 16, 20), (1, 1, 5)])
def test_singular_values_go_through_the_polynomial(shape):
    matrices = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, s, v = torch.linalg.svd(matrices.double(), full_matrices=False)
    s /= s.square().sum(dim=1, keepdim=True).sqrt()
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    expected = (u * s[:, None]) @ v
    result = orthogonalize(matrices)
    assert result.dtype == torch.float32
    assert (result - expected).norm() < 1e-4 * expected.norm()
    assert not orthogonalize(torch.zeros(shape)).any()


@pytest.mark.parametrize("shape", [(6, 20), (20, 6), (9, 9)])
def test_muon_agrees_with_that_of_torch(shape):
    ours, theirs = (
        torch.nn.Parameter(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
        for _ in range(2)
    )
    twin = nn.Parameter(torch.zeros(shape[::-1]))  # is computed with together
    optimizers = (
        Muon([{"params": [ours, twin], "matrices": True, "weight_decay": 0.1}], lr=0.1),
        torch.optim.Muon([theirs], lr=0.1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    )
    for step in range(3):
        gradient = torch.randn(shape, generator=torch.Generator().manual_seed(step))
        ours.grad, theirs.grad, twin.grad = gradient, gradient.clone(), gradient.T.clone()
        for optimizer in optimizers:
            optimizer.step()
    # torch's computes in bfloat16.
    torch.testing.assert_close(ours, theirs, rtol=0, atol=5e-3)
    start = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(twin.T, ours - start * (1 - 0.01) ** 3, rtol=0, atol=1e-5)


def test_temperature_is_lower_for_many_samples(rng):
    X = rng.normal(size=(8000, 3)).astype(np.float32)
    ssl = SimCLR(encoder=tiny_mlp, max_epochs=0, device="cpu")
    assert ssl.fit(X).temperature_ == 0.2
    assert ssl.fit(X[:100]).temperature_ == 0.5
    assert ssl.set_params(temperature=1).fit(X).temperature_ == 1.0
    assert ssl.temperature == 1
    images = rng.integers(0, 256, (8000, 4, 4), dtype=np.uint8)
    assert ssl.set_params(encoder=tiny_conv, temperature="auto").fit(images).temperature_ == 0.3


class Products(TorchDispatchMode):
    """Notes the precision of all matrix products, by their number of columns."""

    def __init__(self):
        super().__init__()
        self.seen: dict[int, set[torch.dtype]] = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if isinstance(out, Tensor) and function.overloadpacket in (
            torch.ops.aten.mm,
            torch.ops.aten.addmm,
            torch.ops.aten.bmm,
        ):
            self.seen.setdefault(out.shape[-1], set()).add(out.dtype)
        return out


N_GROUPS = 37


@pytest.mark.parametrize(
    "method",
    [
        SwAV(n_prototypes=N_GROUPS, queue_size=20),
        DINO(n_prototypes=N_GROUPS),
        MSN(n_prototypes=N_GROUPS, width=16, depth=1, n_heads=2),
        DeepCluster(n_clusters=N_GROUPS),
        SMoG(n_groups=N_GROUPS),
        NNCLR(queue_size=N_GROUPS),
        MoCo(queue_size=N_GROUPS - 1),  # and one positive
        ReSSL(queue_size=N_GROUPS),
    ],
    ids=lambda method: type(method).__name__,
)
def test_groups_and_queues_are_compared_in_float32(method):
    X = np.random.default_rng(0).normal(size=(40, 6))
    method.set_params(precision="bfloat16", batch_size=20, max_epochs=1, random_state=0)
    with Products() as products:
        method.fit(X)
    assert any(torch.bfloat16 in dtypes for dtypes in products.seen.values())
    compared = products.seen.get(N_GROUPS, set()) | products.seen.get(N_GROUPS - 1, set())
    assert compared == {torch.float32}


def test_answers_to_a_task_compute_in_float32():
    X = np.random.default_rng(0).random((20, 8, 8))
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16))
    task = JigsawPuzzle(encoder=encoder, n_permutations=23, precision="bfloat16", random_state=0)
    task.set_params(max_epochs=1)
    with Products() as products:
        task.fit(X)
    assert any(torch.bfloat16 in dtypes for dtypes in products.seen.values())
    assert products.seen[23] == {torch.float32}


def test_fine_tuned_heads_compute_in_float32():
    X, y = np.random.default_rng(0).normal(size=(74, 6)), np.arange(74) % N_GROUPS
    method = SimCLR(precision="bfloat16", max_epochs=1, random_state=0)
    with Products() as products:
        FineTuneClassifier(method, max_epochs=1, random_state=0).fit(X, y)
    assert products.seen[N_GROUPS] == {torch.float32}


def test_prototypes_and_queues_tell_near_vectors_apart_under_autocast():
    directions = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    directions = nn.functional.normalize(directions, dim=1)
    near = torch.cat([directions + 1e-3 * torch.eye(8)[0], directions])
    queue, prototypes = Queue(100, 8), Prototypes(8, 100)
    queue.fill()
    queue.enqueue(near)
    with torch.no_grad():
        prototypes.weight.copy_(near)
    exact = nn.functional.normalize(near.double(), dim=1)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(queue.nearest(near), queue.rows)
        torch.testing.assert_close(prototypes(near).double(), exact @ exact.T, atol=1e-6, rtol=0)


DIVERGING = [{"learning_rate": 1e30}, {"learning_rate": 1e100}, {"weight_decay": 1e300}]


@pytest.mark.parametrize("setting", DIVERGING, ids=str)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_the_last_step_is_looked_at(setting, optimizer):
    X = np.random.default_rng(0).normal(size=(40, 5))
    ssl = SimCLR(max_epochs=1, optimizer=optimizer, random_state=0, **setting)
    for train in (ssl.fit, ssl.partial_fit):
        with pytest.raises(NonFiniteLossError, match="learning_rate.*weight_decay"):
            train(X)
        assert not hasattr(ssl, "encoder_")


@pytest.mark.parametrize("setting", DIVERGING, ids=str)
@pytest.mark.parametrize("tuner", [FineTuneClassifier, FineTuneRegressor])
def test_the_last_step_of_fine_tuning_is_looked_at(setting, tuner):
    X = np.random.default_rng(0).normal(size=(40, 5))
    ssl = SimCLR(max_epochs=0, random_state=0).fit(X)
    with pytest.raises(NonFiniteLossError, match="learning_rate.*weight_decay"):
        tuner(ssl, max_epochs=1, random_state=0, **setting).fit(X, np.arange(40) % 2)


def test_what_was_not_finite_from_the_start_is_no_divergence():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(5, 5)
            self.register_buffer("mask", torch.tensor([0.0, 0.0, -torch.inf, 0.0, 0.0]))

        def forward(self, rows: Tensor) -> Tensor:
            return (self.linear(rows) + self.mask).softmax(dim=1)

    X = np.random.default_rng(0).normal(size=(40, 5))
    Z = SimCLR(encoder=Masked(), max_epochs=2, random_state=0).fit_transform(X)
    assert np.isfinite(Z).all()
