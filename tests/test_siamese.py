"""What the Siamese methods share, and what their papers insist on."""

import copy
import math
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cases import TINY_TRANSFORMER, tiny_conv, tiny_mlp
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from skssl import (
    BYOL,
    DINO,
    MMCR,
    MSN,
    NNCLR,
    WMSE,
    DeepCluster,
    FroSSL,
    LeJEPA,
    MoCo,
    SimCLR,
    SimSiam,
    SwAV,
    VISReg,
)
from skssl.losses import frossl
from skssl.nn import (
    IterNorm,
    Prototypes,
    Queue,
    Teacher,
    rising_momentum,
    spherical_kmeans,
)
from skssl.training._muon import Muon

PICTURES = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)


def objective_of(method, n_samples=64):
    """The objective of a method around a small encoder of vectors, and its embedding's size."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU())
    samples = torch.zeros(n_samples, 6)
    method.batch_size_ = min(256, n_samples)  # What `fit` finds before.
    objective = method.make_objective(
        encoder, samples, embedding_dim=12, n_samples=len(samples)
    ).train()
    if not isinstance(method, DeepCluster):
        objective.before_training(in_batches(torch.randn(n_samples, 6)), noisy_views)
    return objective


def in_batches(samples, n_batches=1):
    """Samples as the training shows all of them to an objective: in any order."""
    order = torch.randperm(len(samples)).tensor_split(n_batches)
    return lambda: ((rows, samples[rows]) for rows in order)


def noisy_views(batch, n_views, *, kind="global"):
    return [batch + 0.1 * torch.randn_like(batch) for _ in range(n_views)]


def same_state(network, state):
    own = network.state_dict()
    return own.keys() == state.keys() and all(torch.equal(own[name], state[name]) for name in own)


def settings(**params):
    return {"encoder": tiny_conv, "max_epochs": 2, "random_state": 0, "device": "cpu", **params}


class TestTeacher:
    def test_follows_slowly(self):
        student = nn.Linear(3, 2)
        teacher = Teacher(student)
        before = teacher.networks[0].weight.clone()
        with torch.no_grad():
            student.weight += 1
        teacher.follow(student, momentum=0.75)
        torch.testing.assert_close(teacher.networks[0].weight, before + 0.25)

    def test_has_no_gradient(self):
        teacher = Teacher(nn.Linear(3, 2))
        assert not teacher(torch.ones(4, 3)).requires_grad
        assert not any(p.requires_grad for p in teacher.parameters())

    def test_exchanges_all_that_is_learned(self):
        student = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        teacher = Teacher(student, nn.Linear(2, 2))
        with torch.no_grad():
            student[0].weight += 1
        student(torch.randn(8, 3))
        both = [copy.deepcopy(part.state_dict()) for part in (student, teacher.networks[0])]
        teacher.exchange(student)
        assert same_state(student, both[1]) and same_state(teacher.networks[0], both[0])
        assert not same_state(student, both[0])
        teacher.exchange(student)
        assert same_state(student, both[0])

    def test_that_stays_goes_on_as_if_it_had_never_been_looked_at(self):
        ssl = MSN(**TINY_TRANSFORMER).partial_fit(PICTURES)
        objective = ssl._objective
        student = copy.deepcopy(objective.teacher.networks[0].state_dict())
        taught = copy.deepcopy(objective.encoder.state_dict())
        assert not same_state(objective.encoder, student)
        assert all(
            map(
                torch.equal,
                ssl.encoder_.get_submodule("encoder").parameters(),
                objective.encoder.parameters(),
            )
        )
        objective.before_training(in_batches(torch.randn(8, 6)), noisy_views)
        assert same_state(objective.encoder, student)
        assert same_state(objective.teacher.networks[0], taught)

    def test_that_stays_is_that_of_the_best_epoch(self):
        class States(Callback):
            def on_train_begin(self, net, **kwargs):
                self.taught = []

            def on_epoch_end(self, net, **kwargs):
                self.taught.append(copy.deepcopy(net.module_.teacher.networks[0].state_dict()))

        class Worse(Callback):
            def on_epoch_end(self, net, **kwargs):
                net.history.record("worse", len(net.history))

        states = States()
        best = EarlyStopping("worse", patience=2, load_best=True)
        ssl = MSN(max_epochs=9, callbacks=[states, Worse(), best], **TINY_TRANSFORMER)
        ssl.fit(PICTURES)
        assert len(states.taught) == 3
        assert same_state(ssl._objective.encoder, states.taught[0])

    def test_momentum_rises_to_one(self):
        assert rising_momentum(0.9, 0.0) == pytest.approx(0.9)
        assert rising_momentum(0.9, 0.5) == pytest.approx(0.95)
        assert rising_momentum(0.9, 1.0) == 1.0

    @pytest.mark.parametrize("method", [BYOL(), DINO(), MoCo(), MoCo(queue_size=0)])
    def test_moves_after_the_step_of_the_optimizer(self, method):
        objective = objective_of(method)
        batch = torch.randn(32, 6)
        before = [p.clone() for p in objective.teacher.parameters()]
        objective(batch, noisy_views).backward()
        torch.optim.SGD([p for p in objective.parameters() if p.requires_grad], lr=1.0).step()
        assert all(map(torch.equal, before, objective.teacher.parameters()))
        objective.after_step(0.5)
        assert not all(map(torch.equal, before, objective.teacher.parameters()))


class TestQueue:
    def test_first_in_first_out(self):
        queue = Queue(5, 2)
        queue.fill()
        rows = F.normalize(torch.arange(1.0, 15.0).view(7, 2), dim=1)
        queue.enqueue(rows[:4])
        torch.testing.assert_close(queue.rows[:4], rows[:4])
        queue.enqueue(rows[4:])
        torch.testing.assert_close(queue.rows, rows[[5, 6, 2, 3, 4]])

    def test_more_than_fits(self):
        queue = Queue(3, 2)
        queue.fill()
        rows = F.normalize(torch.randn(8, 2), dim=1)
        queue.enqueue(rows)
        torch.testing.assert_close(queue.rows, rows[5:])

    def test_knows_what_it_has_seen(self):
        queue = Queue(5, 2)
        queue.fill()
        assert not len(queue.seen)
        rows = F.normalize(torch.arange(1.0, 15.0).view(7, 2), dim=1)
        queue.enqueue(rows[:3])
        torch.testing.assert_close(queue.seen, rows[:3])
        queue.enqueue(rows[3:])
        assert len(queue.seen) == 5
        queue.clear()
        assert not len(queue.seen)

    def test_moco_compares_with_earlier_keys_only(self):
        objective = objective_of(MoCo(queue_size=256, temperature=0.1))
        batch = torch.randn(32, 6)
        with torch.no_grad():
            same = objective(batch, lambda batch, n_views: [batch] * n_views).item()
        # Were the keys among the negatives, each query would meet its own key there.
        assert same < math.log(2)
        keys = objective.queue.rows[:32]
        torch.testing.assert_close(keys.norm(dim=1), torch.ones(32))
        objective.after_training()
        assert not len(objective.queue.rows)

    def test_best_epoch_is_brought_back(self):
        # Queues are still there when callbacks hear of the end.
        best = EarlyStopping("train_loss", patience=1, load_best=True)
        ssl = MoCo(**settings(max_epochs=4, callbacks=[best])).fit(PICTURES)
        assert not len(ssl._objective.queue.rows)

    def test_nnclr_does_not_find_the_sample_itself(self):
        objective = objective_of(NNCLR(queue_size=64))
        batch = torch.randn(32, 6)
        found = []
        search = objective.queue.nearest
        objective.queue.nearest = lambda z: found.append((z, search(z))) or found[-1][1]
        objective(batch, noisy_views)
        z, nearest = found[0]
        assert (F.cosine_similarity(z, nearest) < 0.99).all()
        # It moves afterwards, by the first view only.
        torch.testing.assert_close(objective.queue.rows[:32], F.normalize(z.detach(), dim=1))


def test_simsiam_stops_the_gradient_of_the_target():
    objective = objective_of(SimSiam(n_views=2))
    objective.predictor = nn.Identity()
    batch = torch.randn(32, 6)
    inputs = [batch.clone().requires_grad_(), batch.clone()]
    # With a predictor that does nothing, both directions are the same number, and the first view
    # gets its gradient from one of them only.
    loss = objective(batch, lambda *_: inputs)
    z1, z2 = (objective.projector(objective.encoder(view)) for view in inputs)
    one_way = -F.cosine_similarity(z1, z2.detach()).mean() / 2
    torch.testing.assert_close(loss, 2 * one_way)
    (expected,) = torch.autograd.grad(one_way, inputs[0])
    (actual,) = torch.autograd.grad(loss, inputs[0])
    torch.testing.assert_close(actual, expected)


def test_fastsiam_compares_with_the_mean_of_the_others():
    objective = objective_of(SimSiam(n_views=3))
    views = noisy_views(torch.randn(32, 6), 3)
    loss = objective(views[0], lambda *_: views)
    z = [objective.projector(objective.encoder(view)) for view in views]
    expected = torch.stack(
        [
            -F.cosine_similarity(objective.predictor(z[i]), (z[i - 1] + z[i - 2]).detach() / 2)
            for i in range(3)
        ]
    ).mean()
    torch.testing.assert_close(loss, expected)


def test_rate_of_simsiams_predictor_does_not_decay():
    class Rates(Callback):
        def on_batch_end(self, net, **kwargs):
            self.last = {g["steady"]: g["lr"] for g in net.optimizer_.param_groups}

    rates = Rates()
    SimSiam(**settings(callbacks=[rates], learning_rate=0.01, max_epochs=3)).fit(PICTURES)
    assert rates.last[True] == 0.01
    assert rates.last[False] < 0.005


def test_dino_centre_moves_after_the_loss():
    objective = objective_of(DINO(n_prototypes=16, center_momentum=0.9))
    views = noisy_views(torch.randn(32, 6), 2)
    assert not objective.center.any()
    objective(views[0], lambda batch, n_views, kind="global": views[:n_views])
    teacher = torch.cat([objective.teacher(torch.cat(views))])
    torch.testing.assert_close(objective.center, 0.1 * teacher.mean(dim=0))


def test_prototypes_stand_still_at_first():
    objective = objective_of(SwAV(n_prototypes=8))
    objective(torch.randn(32, 6), noisy_views).backward()
    assert objective.prototypes.weight.grad is None
    objective.after_step(0.5)
    objective(torch.randn(32, 6), noisy_views).backward()
    assert objective.prototypes.weight.grad.abs().sum() > 0


def test_swav_sorts_with_a_queue_that_holds_no_noise():
    objective = objective_of(SwAV(n_prototypes=8, queue_size=40))
    sorted_together = []
    loss = objective.loss

    def noted(scores, queue_scores=None):
        sorted_together.append(None if queue_scores is None else [len(q) for q in queue_scores])
        return loss(scores, queue_scores=queue_scores)

    objective.loss = noted
    for progress in (0.1, 0.5, 0.5, 0.5):
        objective.after_step(progress)
        assert objective(torch.randn(32, 6), noisy_views).isfinite()
    # What the first steps make is not kept.
    assert sorted_together == [None, None, [32, 32], [40, 40]]


class TestDeepCluster:
    def test_learns_the_clusters_of_the_rows_of_the_batch(self):
        objective = objective_of(DeepCluster(n_clusters=4, n_clusterings=2))
        samples = torch.randn(64, 6)
        objective.before_training(in_batches(samples, 2), noisy_views)
        assert objective.bank.shape == (2, 64, 128)
        rows = torch.arange(64).flip(0)[:32]
        before = objective.bank.clone()
        objective.before_step(rows)
        objective(samples[rows], noisy_views)
        changed = (objective.bank != before).any(dim=2).any(dim=0)
        assert changed[rows].all()
        assert not changed[:32].any()

    def test_forgets_the_samples(self):
        ssl = DeepCluster(**settings()).fit(PICTURES)
        assert not any(
            hasattr(ssl._objective, name) for name in ("bank", "clusters", "centroids", "rows")
        )

    def test_remembers_each_sample_in_its_place(self):
        objective = objective_of(DeepCluster(n_clusters=4)).eval()
        samples = torch.randn(64, 6)
        objective.before_training(in_batches(samples, 3), lambda batch, n_views: [batch] * n_views)
        expected = F.normalize(objective.projector(objective.encoder(samples)), dim=1)
        torch.testing.assert_close(objective.bank, torch.stack([expected, expected]))

    def test_forgets_them_between_calls_of_partial_fit(self):
        ssl = DeepCluster(**settings()).partial_fit(PICTURES)
        assert not hasattr(ssl._objective, "bank")
        # Fewer samples than the first call had clusters for.
        ssl.partial_fit(PICTURES[:5])
        assert np.isfinite(ssl.loss_curve_).all()

    def test_later_clusterings_have_random_numbers_of_their_own(self):
        X = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
        before = torch.get_rng_state()
        embedded = [
            DeepCluster(**settings(encoder=tiny_mlp, batch_size=8, max_epochs=8)).fit_transform(X)
            for _ in range(2)
        ]
        assert torch.equal(before, torch.get_rng_state())
        assert np.array_equal(*embedded)

    def test_too_many_clusters(self):
        with pytest.raises(ValueError, match=r"n_clusters=65 .* samples, here 64"):
            DeepCluster(**settings(n_clusters=65)).fit(PICTURES)


def test_kmeans_finds_directions():
    torch.manual_seed(0)
    centers = F.normalize(torch.randn(3, 16), dim=1)
    truth = torch.arange(90) % 3
    rows = F.normalize(centers[truth] + 0.02 * torch.randn(90, 16), dim=1)
    centroids, clusters = spherical_kmeans(rows, 3)
    torch.testing.assert_close(centroids.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(clusters, (rows @ centroids.T).argmax(dim=1))


def test_iternorm_whitens():
    torch.manual_seed(0)
    z = torch.randn(256, 8) @ (torch.eye(8) + 0.2 * torch.randn(8, 8)) + 3
    white = IterNorm(8, group_size=8, n_iterations=7)(z)
    torch.testing.assert_close(white.mean(dim=0), torch.zeros(8), atol=1e-4, rtol=0)
    covariance = white.T @ white / 256
    torch.testing.assert_close(covariance, torch.eye(8), atol=2e-2, rtol=0)


@pytest.mark.parametrize(
    ("dim", "group_size"), [(4096, 64), (256, 16), (2048, 32), (30, 5), (7, 1)]
)
def test_iternorm_whitens_groups(dim, group_size):
    assert IterNorm(dim).group_size == group_size


def test_iternorm_reaches_the_spread_that_vibcreg_asks_for():
    torch.manual_seed(0)
    z = torch.randn(2048, 256)
    layer = IterNorm(256)
    assert layer(z).std(dim=0).min() > 0.9
    assert IterNorm(256, group_size=256)(z).std(dim=0).max() < 0.5
    with torch.no_grad():
        # Of a group, columns are independent of those of all others.
        z[:, 16:] *= 3
    torch.testing.assert_close(layer(z)[:, :16], layer(z[:, :16].repeat(1, 16))[:, :16])
    with torch.no_grad():
        layer.weight *= 2
        layer.bias += 1
    assert layer(z).std(dim=0).min() > 1.8
    torch.testing.assert_close(layer(z).mean(dim=0), torch.ones(256), atol=1e-3, rtol=0)


def layers_of(head):
    return [
        "plain norm" if isinstance(layer, nn.BatchNorm1d) and not layer.affine else type(layer)
        for layer in head
    ]


def test_heads_of_moco_v3():
    hidden = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    objective = objective_of(MoCo(queue_size=0))
    assert layers_of(objective.projector) == [*hidden, nn.Linear, "plain norm"]
    assert layers_of(objective.predictor) == [*hidden, nn.Linear]
    method = MoCo(queue_size=0)
    attention = nn.TransformerEncoderLayer(12, 2)
    objective = method.make_objective(attention, torch.zeros(64, 6), embedding_dim=12, n_samples=64)
    assert layers_of(objective.projector) == [*hidden, *hidden, nn.Linear, "plain norm"]
    assert layers_of(objective.predictor) == [*hidden, nn.Linear, "plain norm"]


class TestFroSSL:
    def test_views_go_through_the_networks_by_themselves(self):
        objective = objective_of(FroSSL(n_views=3, invariance_weight=0.5))
        hidden = [nn.Linear, nn.BatchNorm1d, nn.ReLU]
        assert layers_of(objective.projector) == [*hidden, *hidden, nn.Linear]
        views = [scale * torch.randn(32, 6) for scale in (1, 2, 3)]
        z = [objective.projector(objective.encoder(view)) for view in views]
        loss = objective(views[0], lambda _, n_views, kind="global": views[:n_views])
        torch.testing.assert_close(loss, frossl(z, invariance_weight=0.5))

    @pytest.mark.parametrize(("n_samples", "dim", "weight"), [(256, 1024, 1.0), (64, 128, 2.0)])
    def test_agreement_weighs_as_in_the_authors_recipe(self, n_samples, dim, weight):
        objective = objective_of(FroSSL(projector_dim=dim), n_samples=n_samples)
        assert objective.loss.keywords == {"invariance_weight": weight}


def test_prototypes_are_compared_by_cosine():
    prototypes = Prototypes(4, 3)
    z = torch.randn(5, 4)
    expected = F.cosine_similarity(z[:, None], prototypes.weight[None], dim=2)
    torch.testing.assert_close(prototypes(7 * z), expected)


@pytest.mark.parametrize("method", [DINO, LeJEPA, SwAV, VISReg, DeepCluster])
def test_local_views_take_part(method):
    drawn = []

    def draw(batch, n_views, *, kind="global"):
        drawn.append((kind, n_views))
        return noisy_views(batch, n_views)

    objective = objective_of(method(n_local_views=3))
    batch = torch.randn(32, 6)
    objective.before_training(in_batches(batch), draw)
    drawn.clear()
    objective.before_step(torch.arange(32))
    assert objective(batch, draw).isfinite()
    assert drawn == [("global", 2), ("local", 3)]


@pytest.mark.parametrize("method", [WMSE, MMCR, FroSSL, SimSiam])
def test_number_of_views(method):
    drawn = []

    def draw(batch, n_views, *, kind="global"):
        drawn.append(n_views)
        return noisy_views(batch, n_views)

    assert objective_of(method(n_views=3))(torch.randn(32, 6), draw).isfinite()
    assert sum(drawn) == 3


class TestWMSE:
    def test_projections_fit_the_batch(self):
        # A quarter of the samples, and at most the embedding's 12 dimensions.
        assert objective_of(WMSE(), n_samples=32).projector[-1].out_features == 8
        assert objective_of(WMSE(), n_samples=10_000).projector[-1].out_features == 12

    @pytest.mark.parametrize(
        ("params", "here"), [({"projector_dim": 64}, 64), ({"sub_batch": 16}, 16)]
    )
    def test_too_many_dimensions(self, params, here):
        with pytest.raises(ValueError, match=rf"projector_dim=\d+ must be smaller .* here {here}"):
            WMSE(**settings(**params)).fit(PICTURES)


class TestOptimizers:
    @pytest.mark.parametrize("name", ["adamw", "sgd", "lars", "muon"])
    def test_by_name(self, name):
        ssl = SimCLR(**settings(optimizer=name)).fit(PICTURES)
        untrained = SimCLR(**settings(max_epochs=0)).fit(PICTURES)
        assert np.isfinite(ssl.loss_curve_).all()
        pairs = zip(ssl.encoder_.parameters(), untrained.encoder_.parameters(), strict=True)
        assert not any(torch.equal(a, b) for a, b in pairs)

    def test_lars_adapts_the_rate_of_matrices_only(self):
        class Groups(Callback):
            def on_train_begin(self, net, **kwargs):
                self.of = {g["params"][0].ndim: g for g in net.optimizer_.param_groups}

        groups = Groups()
        ssl = SimCLR(**settings(optimizer="lars", weight_decay=0.0, callbacks=[groups]))
        ssl.fit(PICTURES)
        assert groups.of[4]["always_adapt"]
        assert not groups.of[1]["always_adapt"]
        assert groups.of[1]["weight_decay"] == 0

    def test_missing_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "timm.optim", None)
        with pytest.raises(
            ImportError, match=r"optimizer='lars' needs timm: .*skssl\[optimizers\]"
        ):
            SimCLR(**settings(optimizer="lars")).fit(PICTURES)

    @pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
    def test_muon_makes_updates_of_filters_orthogonal(self, memory_format):
        torch.manual_seed(0)
        layer = nn.Conv2d(8, 16, 3).to(memory_format=memory_format)
        before = layer.weight.detach().clone()
        groups = [
            {"params": [layer.weight], "matrices": True, "weight_decay": 0.0},
            {"params": [layer.bias], "matrices": False, "weight_decay": 0.0},
        ]
        optimizer = Muon(groups, lr=0.01)
        layer(torch.randn(4, 8, 9, 9)).square().mean().backward()
        optimizer.step()
        change = torch.linalg.svdvals((layer.weight.detach() - before).flatten(1))
        # As large as AdamW's: 0.2 for each value, of 16 x 72.
        torch.testing.assert_close(
            change, torch.full((16,), 0.01 * 0.2 * 72**0.5), rtol=0.4, atol=0
        )

    def test_schedule_reaches_muon(self):
        layer = nn.Linear(4, 3)
        groups = [
            {"params": [layer.weight], "matrices": True},
            {"params": [layer.bias], "matrices": False},
        ]
        optimizer = Muon(groups, lr=0.5)
        layer(torch.ones(2, 4)).sum().backward()
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
        for group in optimizer.param_groups:
            group["lr"] = 0.0
        before = [p.detach().clone() for p in layer.parameters()]
        optimizer.step()
        assert all(map(torch.equal, before, layer.parameters()))
        optimizer.zero_grad()
        assert layer.weight.grad is None
