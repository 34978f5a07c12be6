"""Pretext tasks: what they ask, what they score, and when they warn."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch
from cases import keep, mirror, tiny_conv, tiny_mlp, tiny_points
from sklearn.datasets import load_wine
from torch import nn

from skssl import RotationPrediction, TransformPrediction
from skssl.exceptions import PretextTaskWarning
from skssl.modality import Images, PointCloud
from skssl.pretext._base import TaskObjective
from skssl.pretext._transform import WhichTransform

TINY = {"encoder": tiny_conv, "device": "cpu", "random_state": 0}


def reversed_intensity(batch):
    return 1 - batch


def test_a_transform_is_applied_to_those_it_is_the_answer_for():
    batch = torch.rand(6, 1, 4, 4)
    answers = torch.tensor([0, 1, 2, 0, 1, 2])
    task = WhichTransform([keep, mirror, reversed_intensity])
    (posed,) = task.pose(batch, answers)
    assert task.n_classes == 3
    assert torch.equal(posed[[0, 3]], batch[[0, 3]])
    assert torch.equal(posed[[1, 4]], batch[[1, 4]].flip(-1))
    assert torch.equal(posed[[2, 5]], 1 - batch[[2, 5]])


@pytest.mark.parametrize(("n_classes", "asked"), [(4, 4), (2, 2), (24, 4)])
def test_every_turn_of_a_sample_is_in_the_batch(n_classes, asked):
    method = RotationPrediction()
    seen = []

    def turn(batch, number):
        seen.append(batch[:, 0] * 100 + number)
        return batch

    task = WhichTransform([partial(turn, number=number) for number in range(n_classes)])
    objective = TaskObjective(
        nn.Linear(3, 5),
        nn.Linear(5, n_classes),
        task,
        augment=False,
        n_asked=method._n_asked(n_classes),
    )
    batch = torch.arange(7.0)[:, None].expand(-1, 3)
    objective(batch, None).backward()
    asked_of = torch.cat(seen)
    # No sample is asked the same twice, and each as often as the others.
    assert len(asked_of.unique()) == len(asked_of) == 7 * asked
    assert (asked_of // 100).long().bincount().tolist() == [asked] * 7


def test_four_turns_are_as_much_work_as_one_of_four_times_as_many(digits):
    images, _ = digits
    turned = RotationPrediction(max_epochs=0, **TINY).fit(images[:300])
    assert turned.batch_size_ == 64
    other = TransformPrediction(transforms=[keep, mirror], max_epochs=0, **TINY).fit(images[:300])
    assert other.batch_size_ == 256


def test_a_transform_that_is_no_answer_is_not_applied():
    def crop_to_content(batch):
        return batch * (batch > batch.amax() / 2)  # which an empty batch does not have

    batch = torch.rand(3, 1, 4, 4)
    (posed,) = WhichTransform([keep, crop_to_content]).pose(
        batch, torch.zeros(3, dtype=torch.int64)
    )
    assert torch.equal(posed, batch)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        (None, "at least 2 functions that change a batch, got None"),
        ([keep], "at least 2 functions"),
        ([keep, "mirror"], r"at least 2 functions.*'mirror'"),
        ([keep, lambda batch: batch[:, :, :4]], r"transforms\[1\].*made \(2, 1, 4, 8\).*1, 8, 8"),
        ([lambda batch: None, keep], r"transforms\[0\].*NoneType"),
    ],
)
def test_bad_transforms(digits, transforms, message):
    with pytest.raises(ValueError, match=message):
        TransformPrediction(**TINY, transforms=transforms).fit(digits[0][:40])


def test_turns_of_points_are_the_rotations_of_a_cube():
    turns = PointCloud().turns()
    corner = torch.tensor([[[1.0, 2.0, 3.0, 7.0], [np.nan] * 4, [0.0, 0.0, 1.0, 8.0]]])
    turned = torch.cat([turn(corner) for turn in turns])
    assert torch.equal(turned[:1].nan_to_num(), corner.nan_to_num())
    assert len({tuple(cloud[0, :3].tolist()) for cloud in turned}) == 24
    assert turned[:, 1].isnan().all()
    assert torch.equal(turned[:, [0, 2], 3], corner[:, [0, 2], 3].expand(24, 2))
    axes = torch.eye(3)[None]
    matrices = torch.cat([turn(axes) for turn in turns])
    torch.testing.assert_close(torch.linalg.det(matrices), torch.ones(24))
    assert torch.equal(matrices @ matrices.mT, axes.expand(24, 3, 3))


def test_rotation_of_points_is_learned():
    rng = np.random.default_rng(0)
    # Boxes with three sides of their own, one half of them denser along each.
    X = rng.uniform(0, 1, (400, 30, 3)) ** 3 * np.array([1.0, 2.0, 4.0])
    settings = {"max_epochs": 40, "device": "cpu", "random_state": 0}
    ssl = RotationPrediction(modality=PointCloud(), encoder=tiny_points, **settings)
    ssl.fit(X[:300])
    assert ssl.n_classes_ == 24
    assert ssl.score(X[300:]) > 0.2


def test_a_method_says_where_it_has_a_meaning():
    message = (
        r"RotationPrediction has no meaning for modality=Tabular\(\); it works with "
        "Images, PointCloud, Video."
    )
    with pytest.raises(ValueError, match=message):
        RotationPrediction(encoder=tiny_mlp).fit(load_wine().data)


def test_score_is_always_the_same_and_leaves_random_states_alone(digits):
    X = digits[0]
    ssl = RotationPrediction(**TINY, batch_size=32, max_epochs=10).fit(X[:400])
    before = torch.get_rng_state()
    score = ssl.score(X[400:600])
    assert score == ssl.score(X[400:600])
    assert torch.equal(before, torch.get_rng_state())
    assert 0.3 < score <= 1
    # Every embedding of the untrained encoder goes through an untrained head.
    assert RotationPrediction(**TINY, max_epochs=0).fit(X[:400]).score(X[400:600]) < score


def test_a_shortcut_is_reported(rng):
    X = rng.integers(0, 100, (1000, 8, 8), dtype=np.uint8)
    X[:, :4, :4] = 255  # marks the corner
    with pytest.warns(PretextTaskWarning, match=r"first epoch were right.*trivial.*views"):
        RotationPrediction(**TINY, batch_size=10, max_epochs=1).fit(X)


def test_noise_that_has_no_answer_is_reported(rng):
    # One epoch: each is seen once, so that none can be known by heart.
    X = rng.normal(size=(1500, 8, 8))
    with pytest.warns(PretextTaskWarning, match="no better than guessing among 4"):
        RotationPrediction(**TINY, batch_size=25, max_epochs=1).fit(X)


def test_neither_is_reported_of_a_healthy_training(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ssl = RotationPrediction(**TINY, modality=Images(), max_epochs=20).fit(digits[0][:400])
    accuracies = [row["task_accuracy"] for row in ssl.history_]
    assert accuracies[0] < accuracies[-1]
