"""Collapse is noticed, and nothing else is taken for it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cases import (
    CHEAP_PAIRS,
    FAMILIES,
    FIRST_PAIRS,
    PAIRS,
    narrow_heads,
    tiny_conv,
    tiny_mlp,
)
from sklearn.datasets import load_digits
from skorch.callbacks import Callback, EarlyStopping, PrintLog
from torch import nn

from skssl import ClipOrder, SimCLR, VICReg
from skssl.base import SelfSupervisedTransformer
from skssl.exceptions import CollapseWarning
from skssl.metrics import embedding_std, mean_correlation, rankme_score
from skssl.modality import PointCloud
from skssl.nn import Objective, mlp_head
from skssl.training import Monitor, remedy_for

X = load_digits().images[:400]
OF_EMBEDDING = ["embedding_std", "mean_correlation", "rankme", "view_retrieval", "view_ranking"]
TINY = {"encoder": tiny_conv, "device": "cpu", "batch_size": 64, "random_state": 0}
# 256 samples are looked at before, after the first epoch, after 27 and at the end.
TO_COLLAPSE = {**TINY, "optimizer": "adamw", "learning_rate": 5e-3, "max_epochs": 30}


class InvarianceObjective(Objective):
    def forward(self, batch, draw_views):
        return F.mse_loss(*self.encoder(torch.cat(draw_views(batch, 2))).float().chunk(2))


class Invariance(SelfSupervisedTransformer):
    """Draws views together, and does nothing against collapse."""

    collapse_remedy = "Try a method that does."

    def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
        return InvarianceObjective(encoder)


NOTHING_TO_LEARN = {
    "blank images": np.full((9, 8, 8), 3.0) * np.arange(9)[:, None, None],
    "images of one colour": np.full((9, 8, 8, 3), 7, dtype=np.uint8)
    * np.arange(27, dtype=np.uint8).reshape(9, 1, 1, 3),
    "the same image": X[:1].repeat(9, axis=0),
    "blank clips": np.full((9, 4, 8, 8, 1), 9, dtype=np.uint8),
    "flat series": np.ones((9, 1, 40)) * np.arange(9)[:, None, None],
    "the same series": np.sin(np.arange(40.0))[None, None].repeat(9, axis=0),
    "the same row": np.arange(5.0)[None].repeat(9, axis=0),
    "points in one place": np.ones((9, 20, 3)) * np.arange(9)[:, None, None],
}


@pytest.mark.parametrize("kind", NOTHING_TO_LEARN)
def test_samples_that_leave_nothing_to_learn(kind):
    samples = NOTHING_TO_LEARN[kind]
    modality = PointCloud() if kind == "points in one place" else "auto"
    ssl = SimCLR(modality=modality, max_epochs=1, device="cpu", random_state=0)
    with pytest.warns(UserWarning, match=r"SimCLR: .* 9 samples of X .* nothing to learn"):
        ssl.fit(samples)
    assert np.isfinite(ssl.transform(samples)).all()
    # Of random weights nobody expects that they learned something.
    ssl.set_params(max_epochs=0).fit(samples)


def test_one_sample_that_differs_is_something():
    images = np.zeros((200, 8, 8))
    images[150, 3, 3] = 1
    SimCLR(encoder=tiny_conv, max_epochs=1, device="cpu", random_state=0).fit(images)


class SiameseObjective(Objective):
    """SimSiam without its stop-gradient."""

    def __init__(self, encoder, dim):
        super().__init__(encoder)
        self.projector = nn.Sequential(
            *mlp_head([dim, 64, 64, 64], last_norm=False), nn.BatchNorm1d(64, affine=False)
        )
        self.predictor = mlp_head([64, 16, 64], last_norm=False)

    def forward(self, batch, draw_views):
        z1, z2 = (self.projector(self.encoder(view)).float() for view in draw_views(batch, 2))
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return -(F.cosine_similarity(p1, z2) + F.cosine_similarity(p2, z1)).mean() / 2


class Siamese(Invariance):
    """Collapses in the projection, while BatchNorm keeps the embedding wide."""

    def make_objective(self, encoder, samples, *, embedding_dim, n_samples):
        return SiameseObjective(encoder, embedding_dim)


class Watcher(Callback):
    def __init__(self):
        self.rows = []

    def on_epoch_end(self, net, **kwargs):
        self.rows.append({name: net.history[-1, name] for name in OF_EMBEDDING})


class Stop(Callback):
    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.n_epochs:
            raise KeyboardInterrupt


@pytest.mark.parametrize("estimator", FAMILIES)
def test_history_has_the_measures(estimator):
    case = CHEAP_PAIRS[estimator]
    ssl = case.make_small(estimator, batch_size=64, max_epochs=4).fit(case.few())
    rows = [[row[name] for name in OF_EMBEDDING] for row in ssl.history_]
    assert np.isfinite(rows).all()
    # In between, too little was trained for another look.
    assert rows[0] == rows[1] == rows[2] != rows[3]


def test_measures_are_those_of_the_embedding():
    settings = {**TINY, "precision": "float32", "max_epochs": 3}
    ssl = SimCLR(**settings, views=lambda batch: batch).fit(X[:100])
    last, Z = ssl.history_[-1], ssl.transform(X[:100])
    assert last["embedding_std"] == pytest.approx(embedding_std(Z), rel=1e-4)
    assert last["mean_correlation"] == pytest.approx(mean_correlation(Z), rel=1e-4)
    assert last["rankme"] == pytest.approx(rankme_score(Z), rel=1e-4)
    assert last["view_ranking"] == 1.0
    assert 0 < last["projection_std"] <= 1


def test_looks_cost_a_few_hundredths(monkeypatch):
    looks = []
    measure = Monitor._measure
    monkeypatch.setattr(Monitor, "_measure", lambda *args: looks.append(1) or measure(*args))
    narrow = {"projector_dim": 16, "projector_hidden_dim": 32, "batch_size": 200}
    SimCLR(**{**TINY, **narrow}, max_epochs=42).fit(X)
    # Before, after the first and the last epoch, and once in between: 256 of the 400 samples are
    # looked at.
    assert len(looks) == 4
    looks.clear()
    SimCLR(**TINY, max_epochs=0).fit(X)
    assert not looks


@pytest.mark.parametrize(
    ("ssl", "measure", "remedy"),
    [
        (Invariance(**TO_COLLAPSE), "embedding_std", "Try a method that does."),
        (Siamese(**TO_COLLAPSE), "projection_std", "Try a method that does."),
        (
            VICReg(**TO_COLLAPSE, variance_weight=0, projector_dim=64),
            "projection_std",
            "variance_weight",
        ),
    ],
    ids=["no head", "no stop-gradient", "no variance term"],
)
def test_collapse_warns_once(ssl, measure, remedy):
    with pytest.warns(CollapseWarning) as caught:
        ssl.fit(X)
    assert len(caught) == 1
    message = str(caught[0].message)
    for part in (type(ssl).__name__, f"{measure} is 0.", "_ranking 0.", "healthy", remedy):
        assert part in message
    assert ssl.transform(X).shape == (400, 16)


# On tables, where that is quick, every method is trained; on images, one of each family is in the
# tests of what is learned, where a warning is an error as well. `pytest -m slow` has all on both.
HEALTHY = [
    pytest.param(
        estimator,
        case,
        id=f"{estimator.__name__}-{case.name}",
        # IJEPA takes long on tables, too.
        marks=[] if case.name == "tabular" and estimator.__name__ != "IJEPA" else pytest.mark.slow,
    )
    for estimator, case in PAIRS
    # The tiny encoder cannot tell the order of the parts of series, but of clips.
    if case.name in ("tabular", "video" if estimator is ClipOrder else FIRST_PAIRS[estimator].name)
]


@pytest.mark.parametrize(("estimator", "case"), HEALTHY)
def test_healthy_training_does_not_warn(estimator, case):
    samples, _ = case.load()
    # 80 steps, which some pretext tasks need to be told from guessing, and 144.
    epochs = 40 if case.name == "tabular" else 24
    case.make(estimator, batch_size=64, max_epochs=epochs, **narrow_heads(estimator)).fit(samples)


def test_few_steps_are_not_judged():
    Invariance(**TINY, max_epochs=8).fit(X)


NARROW = {"projector_dim": 16, "projector_hidden_dim": 32}


def test_what_few_steps_made_constant_is_a_collapse():
    ssl = SimCLR(**{**TINY, **NARROW}, weight_decay=1000, max_epochs=4)
    with pytest.warns(CollapseWarning, match="24 steps, embedding_std is 0.000") as caught:
        ssl.fit(X)
    assert ssl.n_steps_ == 24 and ssl.has_collapsed()
    assert ssl.before_training_["embedding_std"] > 0.1 > ssl.history_[-1]["embedding_std"]
    message = str(caught[0].message)
    # Each number once, and what was changed before what may be changed.
    assert message.count("view_ranking") == message.count("projection_ranking") == 1
    assert ". First set back weight_decay=1000 (default: 0.01). Try a larger batch" in message


@pytest.mark.parametrize(
    ("ssl", "suspects"),
    [
        (SimCLR(), ""),
        (SimCLR(weight_decay=0.02, learning_rate=0.01), ""),
        (SimCLR(learning_rate=0.05), "learning_rate=0.05 (default: 'auto')"),
        (SimCLR(learning_rate=0.2, optimizer="sgd"), ""),
        (SimCLR(learning_rate=9.0, optimizer=torch.optim.SGD), ""),
        (VICReg(variance_weight=0, weight_decay=3), "variance_weight=0 (default: 25.0) and wei"),
        (VICReg(invariance_weight=0), ""),
    ],
)
def test_what_was_changed_is_named_first(ssl, suspects):
    remedy = remedy_for(ssl, "Try more.")
    assert remedy.endswith("Try more.")
    assert remedy.startswith(f"First set back {suspects}" if suspects else "Try")
    assert remedy_for(ssl, None) is None


def test_partial_fit_warns_once():
    many = load_digits().images[:1200]
    ssl = Invariance(**{**TO_COLLAPSE, "batch_size": 120})
    with pytest.warns(CollapseWarning) as caught:
        # Looked at after the first, the 10th and the 19th.
        for _ in range(20):
            ssl.partial_fit(many)
    assert len(caught) == 1
    assert all(name in row for row in ssl.history_ for name in OF_EMBEDDING)


def test_stopped_training_is_judged():
    with pytest.warns(CollapseWarning, match="embedding_std"):
        ssl = Invariance(**TINY, max_epochs=40, callbacks=[Stop(38)]).fit(X)
    assert ssl.n_iter_ == 38
    assert ssl.history_[-1]["embedding_std"] < ssl.history_[-2]["embedding_std"]


def test_what_is_trained_does_not_depend_on_it(monkeypatch):
    def noisy(batch):
        return batch + 0.1 * torch.randn_like(batch)

    def encoder(shape):
        return nn.Sequential(tiny_conv(shape), nn.Dropout(0.2))

    def weights():
        settings = {**TINY, "encoder": encoder, "projector_dim": 64, "max_epochs": 3}
        ssl = VICReg(**settings, views=noisy).fit(X)
        return ssl.encoder_.state_dict()

    watched = weights()
    monkeypatch.setattr(Monitor, "_measure", lambda *args: {})
    unwatched = weights()
    assert all(torch.equal(watched[name], unwatched[name]) for name in watched)


def test_callbacks_of_the_user_see_the_measures():
    watcher, lines = Watcher(), []
    callbacks = [watcher, EarlyStopping("rankme", patience=99), PrintLog(sink=lines.append)]
    ssl = SimCLR(**TINY, max_epochs=3, callbacks=callbacks).fit(X)
    assert watcher.rows == [{name: row[name] for name in OF_EMBEDDING} for row in ssl.history_]
    assert "view_retrieval" in lines[0]
    assert len({len(line) for line in lines}) == 1


def test_no_samples_are_kept():
    monitor = SimCLR(**TINY, max_epochs=1).fit(X)._monitor
    assert not any(isinstance(value, torch.Tensor) for value in vars(monitor).values())


def test_fixed_parts_are_left_out(rng):
    series = rng.normal(size=(60, 1, 40)).astype(np.float32)
    ssl = SimCLR(max_epochs=1, random_state=0, device="cpu").fit(series)
    with torch.no_grad():
        embedding, projection = ssl._objective.embed(ssl._input_layer(torch.tensor(series)))
    assert 0 < embedding.shape[1] < ssl.transform(series).shape[1]
    assert projection.shape == (60, 2 * ssl.projector_dim)


def test_embedding_that_is_not_finite():
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = tiny_mlp((64,))

        def forward(self, x):
            return self.inner(x.flatten(1)) * (1 if self.training else np.nan)

    class Measures(Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append([net.history[-1][name] for name in OF_EMBEDDING])

    seen = []
    ssl = SimCLR(**{**TINY, "encoder": Broken()}, max_epochs=10, callbacks=[Measures()])
    # It is what `transform` would return.
    with pytest.raises(FloatingPointError, match="embeddings of training samples are not finite"):
        ssl.fit(X)
    assert len(seen) == 10 and np.isnan(seen).all()
