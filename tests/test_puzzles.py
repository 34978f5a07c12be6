"""Tasks about pieces and time: what is posed, what is refused, and what is put back in order."""

import itertools

import numpy as np
import pytest
import torch
from cases import CASES, keep, tiny_conv, tiny_points, tiny_series, tiny_text, tiny_video

from skssl import ArrowOfTime, ClipOrder, JigsawPuzzle, PacePrediction, RelativePosition
from skssl.modality import Images, PointCloud, Series, Text, Video
from skssl.nn import PairwiseHead
from skssl.pretext._orders import WhichOrder, distant_orders
from skssl.pretext._relative import WhichNeighbour
from skssl.pretext._time import WhichPace, backwards
from skssl.views import ImageViews

CPU = {"device": "cpu", "random_state": 0}
PLAIN = {"gap": 0.0, "normalize": False, "full_size": False}
MODALITIES = {
    "images": Images(),
    "points": PointCloud(),
    "series": Series(),
    "text": Text(min_df=1, max_df=1.0),
    "video": Video(),
}
PUZZLES = [case for case in CASES if case.name in MODALITIES]


def fitted(modality, X):
    """Return the fitted modality and its prepared samples."""
    checked = modality.check(X, estimator="")
    return modality.fit(checked), modality.prepare(checked)


def same(a, b):
    return torch.equal(torch.nan_to_num(a, 99.0), torch.nan_to_num(b, 99.0))


# Orders.


def test_all_orders_or_the_most_distant():
    rng = np.random.default_rng(0)
    assert distant_orders(3, 6, rng).tolist() == list(map(list, itertools.permutations(range(3))))
    for n_pieces in (4, 9):
        orders = distant_orders(n_pieces, 4, rng)
        # Four orders of four pieces or more can differ everywhere.
        assert all((a != b).all() for a, b in itertools.combinations(orders, 2))
    orders = distant_orders(9, 100, rng)
    assert len(np.unique(orders, axis=0)) == 100
    assert (np.sort(orders, axis=1) == np.arange(9)).all()
    random = np.array([rng.permutation(9) for _ in range(100)])

    def mean_distance(orders):
        return np.mean([(a != b).mean() for a, b in itertools.combinations(orders, 2)])

    assert mean_distance(orders) > mean_distance(random)


# What is moved.


def samples_to_cut():
    rng = np.random.default_rng(0)
    gappy = rng.normal(size=(5, 2, 30))
    gappy[0, 0, 3], gappy[1, :, 17:] = np.nan, np.nan
    return {
        "images": (Images(), rng.integers(0, 256, (5, 7, 9, 3), dtype=np.uint8)),
        "video": (Video(), rng.random((5, 5, 6, 7, 1))),
        "series": (Series(), gappy),
        "text": (Text(min_df=1, max_df=1.0), ["a1 b1 c1 d1 e1 f1 g1 h1 i1", "b1 c1 d1", "", "c1"]),
    }


@pytest.mark.parametrize("name", ["images", "video", "series", "text"])
def test_pieces_are_moved_back_to_the_same_bits(name):
    modality, samples = fitted(*samples_to_cut()[name])
    cutter = modality.cutter()
    order = torch.rand(len(samples), cutter.n_pieces).argsort(dim=1)
    moved = cutter.rearrange(samples, order)
    assert moved.dtype == samples.dtype
    assert not same(moved, samples)
    assert same(moved.flatten(1).sort().values, samples.flatten(1).sort().values)
    assert same(cutter.rearrange(moved, order.argsort(dim=1)), samples)


def test_what_is_left_over_stays():
    modality, images = fitted(*samples_to_cut()["images"])
    moved = modality.cutter(2).rearrange(images, torch.tensor([[3, 2, 1, 0]] * 5))
    assert torch.equal(moved[:, :, 6:], images[:, :, 6:])
    assert torch.equal(moved[:, :, :, 8:], images[:, :, :, 8:])
    assert torch.equal(moved[:, :, :3, :4], images[:, :, 3:6, 4:8])


def test_sequences_are_cut_to_their_own_end():
    modality, series = fitted(Series(), [np.arange(11.0), np.arange(8.0)])
    moved = modality.cutter(2).rearrange(series, torch.tensor([[3, 0, 1, 2]] * 2))
    assert moved[0, 0].tolist() == [6, 7, 0, 1, 2, 3, 4, 5, 8, 9, 10]
    assert moved[1, 0, :8].tolist() == [6, 7, 0, 1, 2, 3, 4, 5]
    assert moved[1, 0, 8:].isnan().all()
    tokens = torch.tensor([[1, 2, 3, 4, 5, 0], [1, 2, 3, 0, 0, 0]])
    moved = Text().cutter(2).rearrange(tokens, torch.tensor([[3, 0, 1, 2]] * 2))
    assert moved.tolist() == [[4, 1, 2, 3, 5, 0], [1, 2, 3, 0, 0, 0]]


def test_voxels_move_with_their_points():
    # The corners of a cube, which are its 8 voxels, with features, and an absent point.
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 2.0])] * 3)
    features = torch.cat([corners, torch.arange(8.0)[:, None]], dim=1)
    cloud = torch.cat([features, torch.full((1, 4), torch.nan)])[None]
    cutter = PointCloud().cutter(2)
    order = torch.tensor([[7, 6, 5, 4, 3, 2, 1, 0]])
    moved = cutter.rearrange(cloud, order)
    # Every point keeps its place within its voxel, whose side is 1.
    assert moved[0, 0].tolist() == [1, 1, 1, 0]
    assert moved[0, 7].tolist() == [1, 1, 1, 7]
    assert moved[0, 8].isnan().all()
    assert same(cutter.rearrange(cloud, torch.arange(8)[None]), cloud)
    assert cutter.settle(cloud)[0, :8, :3].norm(dim=1).max() == pytest.approx(1)


# What is posed.


def test_a_puzzle_shows_pieces_in_the_order_of_the_answer():
    images = torch.arange(32.0).view(2, 1, 4, 4)
    orders = torch.tensor([[0, 1, 2, 3], [2, 0, 3, 1]])
    modality = fitted(Images(layout="channels_first"), images.numpy())[0]
    task = WhichOrder(modality.cutter(2), orders, **PLAIN)
    parts = task.pose(images, torch.tensor([0, 1]))
    assert task.n_parts == len(parts) == 4
    assert [part[0, 0].tolist() for part in parts[:2]] == [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    assert [part[1, 0, 0, 0].item() - 16 for part in parts] == [8, 0, 10, 2]
    # It reads the pieces of a shuffled sample where they are.
    moved = task.cutter.rearrange(images, orders)
    assert all(map(torch.equal, parts, task.show(moved)))


def test_gaps_are_at_random_places():
    images = torch.arange(144.0).view(1, 1, 12, 12).expand(200, 1, 12, 12)
    cutter = fitted(Images(), np.zeros((2, 12, 12)))[0].cutter(2)
    first = cutter.show(images, gap="auto", normalize=False, full_size=False)[0]
    assert first.shape == (200, 1, 5, 5)
    assert first[:, 0, 0, 0].unique().tolist() == [0, 1, 12, 13]
    wide = cutter.show(images, gap=0.5, normalize=False, full_size=False)[3]
    assert wide.shape == (200, 1, 3, 3)
    assert 78 <= wide.min() < wide.max() <= 143
    series = torch.arange(24.0).view(1, 1, 24).expand(200, 1, 24)
    second = Series().cutter(2).show(series, gap=0.4, normalize=False, full_size=False)[1]
    assert second[:, 0, 4:].isnan().all()
    assert second[:, 0, 0].unique().tolist() == [6, 7, 8]
    assert torch.equal(second[:, 0, 1:4] - second[:, 0, :1], torch.arange(1.0, 4).expand(200, 3))


@pytest.mark.parametrize("full_size", [False, True])
def test_pieces_get_the_scale_of_their_sample(full_size):
    how = {"gap": "auto", "normalize": True, "full_size": full_size}
    images = torch.rand(6, 3, 16, 16) * torch.linspace(0.1, 1, 16)
    images[0, :, :8, :8] = 0.7
    pieces = fitted(Images(), images.numpy())[0].cutter(2).show(images, **how)
    means = torch.stack([piece.mean(dim=(1, 2, 3)) for piece in pieces])
    expected = images.mean(dim=(1, 2, 3)).expand(4, 6)
    torch.testing.assert_close(means, expected, atol=0.03 if full_size else 1e-5, rtol=0)
    if not full_size:
        stds = torch.stack([piece.std(dim=(1, 2, 3), correction=0) for piece in pieces])
        expected = images.std(dim=(1, 2, 3), correction=0)[1:].expand(4, 5)
        torch.testing.assert_close(stds[:, 1:], expected)
        assert stds[0, 0] == 0
    assert pieces[0].shape == ((6, 3, 16, 16) if full_size else (6, 3, 7, 7))
    series = torch.randn(6, 2, 40).cumsum(dim=2)
    for piece in Series().cutter(2).show(series, **how):
        torch.testing.assert_close(piece.nanmean(dim=2), series.mean(dim=2), atol=1e-4, rtol=0)
        assert piece.shape[2] == (40 if full_size else 10)


def test_pieces_of_short_and_gappy_sequences():
    series = torch.randn(3, 2, 24)
    series[0, :, 12:], series[1, 0, 7], series[2, :, 3:] = torch.nan, torch.nan, torch.nan
    how = {"gap": 0.0, "normalize": False}
    pieces = Series().cutter(2).show(series, full_size=False, **how)
    assert torch.equal(pieces[1][0, :, :3], series[0, :, 3:6])
    assert pieces[1][0, :, 3:].isnan().all()
    assert same(pieces[1][1], series[1, :, 6:12])
    # Too short to be cut.
    assert pieces[0][2].isnan().all()
    stretched = Series().cutter(2).show(series, full_size=True, **how)
    assert stretched[1].shape == (3, 2, 24)
    assert torch.equal(stretched[1][0, :, [0, 11]], series[0, :, [3, 5]])
    assert stretched[1][0, :, 12:].isnan().all()
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 0, 0, 0, 0]])
    shown = (
        Text()
        .cutter(2)
        .show(
            tokens,
            full_size=False,
            **how,
        )
    )
    assert [piece.tolist() for piece in shown[:2]] == [[[1, 2], [1, 0]], [[3, 4], [2, 0]]]
    assert Text().cutter(2).show(tokens, full_size=True, **how)[0].shape == (2, 9)


def test_the_neighbour_is_shown_beside_the_middle():
    images = torch.arange(36.0).view(1, 1, 6, 6).expand(8, 1, 6, 6)
    task = WhichNeighbour(fitted(Images(), images.numpy())[0].surroundings(), **PLAIN)
    middle, neighbour = task.pose(images, torch.arange(8))
    assert task.n_classes == 8
    assert middle[:, 0, 0, 0].tolist() == [14] * 8
    assert neighbour[:, 0, 0, 0].tolist() == [0, 2, 4, 12, 16, 24, 26, 28]
    series = torch.arange(10.0).view(1, 1, 10).expand(4, 1, 10)
    task = WhichNeighbour(Series().surroundings(), **PLAIN)
    middle, window = task.pose(series, torch.arange(4))
    assert middle[:, 0, 0].tolist() == [4] * 4
    assert window[:, 0, 0].tolist() == [0, 2, 6, 8]


def test_time_runs_backwards():
    series = torch.tensor([[[1.0, 2, 3, 4]], [[1.0, torch.nan, 3, torch.nan]]])
    played = backwards(series, Series().time_steps)
    assert same(played, torch.tensor([[[4.0, 3, 2, 1]], [[3.0, torch.nan, 1, torch.nan]]]))
    clips = torch.rand(2, 3, 5, 4, 4)
    assert torch.equal(backwards(clips, Video().time_steps), clips.flip(2))


def test_paces():
    series = torch.arange(13.0).view(1, 1, 13).repeat(300, 1, 1)
    series[0, :, 7:] = torch.nan
    task = WhichPace([1, 3], Series().time_steps, full_size=False)
    answers = torch.arange(300) % 2
    (posed,) = task.pose(series, answers)
    assert posed.shape == (300, 1, 5)
    steps = posed.diff(dim=2)
    assert (steps[2::2] == 1).all()
    assert (steps[1::2] == 3).all()
    assert posed[2::2, 0, 0].unique().tolist() == list(range(9))
    assert posed[1::2, 0, 0].unique().tolist() == [0]
    # A shorter one shows fewer steps, of those that it has.
    assert posed[0, 0, 3:].isnan().all()
    assert posed[0, 0, 2] - posed[0, 0, 0] == 2
    clips = torch.arange(9.0).view(1, 1, 9, 1, 1).expand(100, 1, 9, 2, 2)
    (posed,) = WhichPace([1, 4], Video().time_steps, full_size=True).pose(clips, answers[:100])
    assert posed[1, 0, :, 0, 0].tolist() == [0, 0, 0, 4, 4, 4, 8, 8, 8]
    assert (posed[::2, 0, -1] - posed[::2, 0, 0] == 2).all()


# What comes back.


def slope(n, rng):
    """Images whose brightness grows from the upper left to the lower right, with noise."""
    rows, columns = np.mgrid[:8, :8]
    return (3 * rows + columns + rng.normal(0, 2, (n, 8, 8)) + 20).clip(0, 255).astype(np.uint8)


def unchanged(batch):
    return batch


def test_a_puzzle_is_solved(rng):
    X, held_out = slope(400, rng), slope(200, rng)
    ssl = JigsawPuzzle(
        # Views of images change the brightness, which is what tells these pieces apart.
        views=unchanged,
        encoder=tiny_conv,
        normalize_pieces=False,
        batch_size=50,
        max_epochs=12,
        **CPU,
    ).fit(X)
    assert ssl.permutations_.shape == (24, 4)
    assert ssl.score(held_out) > 0.8
    shuffled, answers = ssl.shuffle(held_out)
    solved = ssl.solve(shuffled)
    assert shuffled.dtype == solved.dtype == np.uint8
    assert shuffled.shape == solved.shape == held_out.shape
    right = (solved == held_out).all(axis=(1, 2))
    assert right.mean() > 0.8
    # At chance, one in 24 would be.
    assert (shuffled == held_out).all(axis=(1, 2)).mean() < 0.2
    order = ssl.permutations_[answers[0]]
    row, column = (4 * place for place in divmod(int(order[1]), 2))
    np.testing.assert_array_equal(
        shuffled[0, :4, 4:], held_out[0, row : row + 4, column : column + 4]
    )
    np.testing.assert_array_equal(ssl.shuffle(held_out)[0], shuffled)
    np.testing.assert_array_equal(ssl.solve(shuffled), solved)
    assert ssl.score(held_out) == ssl.score(held_out)


def test_clips_are_put_in_order(rng):
    # A ramp has an order, and its parts differ in level.
    X = np.linspace(0, 1, 24) + rng.normal(0, 0.05, (300, 24))
    ssl = ClipOrder(modality=Series(), encoder=tiny_series, batch_size=50, max_epochs=20, **CPU)
    ssl.fit(X[:200])
    assert ssl.permutations_.shape == (6, 3)
    shuffled, _ = ssl.shuffle(X[200:])
    solved = ssl.solve(shuffled)
    assert solved.dtype == np.float64
    assert (solved == X[200:].astype(np.float32)).all(axis=1).mean() > 0.8


@pytest.mark.parametrize("case", PUZZLES, ids=[case.name for case in PUZZLES])
def test_solving_moves_values_and_changes_none(case):
    X, _ = case.load()
    X = X[:60]
    ssl = case.make(JigsawPuzzle, modality=MODALITIES[case.name], max_epochs=0).fit(X)
    for output in (ssl.shuffle(X)[0], ssl.solve(X)):
        assert type(output) is type(X)
        assert output.shape == X.shape
        assert output.dtype == X.dtype
        if case.name == "text":
            before, after = (sorted(map(sorted, map(str.split, texts))) for texts in (X, output))
            assert before == after
        elif case.name == "points":
            assert np.isfinite(output).all()
        else:
            rows = X.astype(np.float32).reshape(len(X), -1)
            np.testing.assert_array_equal(
                np.sort(output.reshape(len(X), -1), axis=1), np.sort(rows, axis=1)
            )
    assert ssl.solve(X[:1]).shape == X[:1].shape


def test_solving_keeps_the_form_of_lists(rng):
    X = [rng.normal(size=(length, 2)).astype(np.float32) for length in rng.integers(8, 30, 40)]
    modality = Series(layout="channels_last")
    ssl = JigsawPuzzle(modality=modality, encoder=tiny_series, max_epochs=1, **CPU).fit(X)
    shuffled, answers = ssl.shuffle(X)
    for one, like, answer in zip(shuffled, X, answers, strict=True):
        assert one.shape == like.shape
        size = len(like) // 4
        start = ssl.permutations_[answer, 0] * size
        np.testing.assert_array_equal(one[:size], like[start : start + size])
    assert [one.shape for one in ssl.solve(X)] == [one.shape for one in X]
    texts = ["one two three four", "four three two one zero"] * 20
    modality = Text(min_df=1, max_df=1.0)
    ssl = JigsawPuzzle(modality=modality, encoder=tiny_text, max_epochs=1, **CPU).fit(texts)
    solved = ssl.solve(texts)
    assert isinstance(solved, list)
    assert sorted(solved[1].split()) == sorted(texts[1].split())
    assert solved[1].split()[-1] == "zero"


def test_clouds_are_put_together_again(rng):
    X = rng.uniform(-1, 1, (40, 300, 4)).astype(np.float32)
    X[0, 200:] = np.nan
    ssl = JigsawPuzzle(
        modality=PointCloud(), grid=2, n_permutations=5, encoder=tiny_points, max_epochs=1, **CPU
    ).fit(X)
    shuffled, answers = ssl.shuffle(X)
    assert shuffled.shape == X.shape
    np.testing.assert_array_equal(np.isnan(shuffled), np.isnan(X))
    np.testing.assert_array_equal(shuffled[..., 3], X[..., 3])
    back = ssl._rearranged(
        torch.from_numpy(shuffled), ssl.permutations_[answers].argsort(axis=1), X, None
    )
    # Only points next to a wall may end in another voxel, as the cube is not quite the same.
    wrong = np.abs(back - X)[..., :3].max(axis=2) > 0.05
    assert wrong[1:].mean() < 0.05


def test_encoders_side_by_side_solve_the_same_puzzle(rng):
    X = rng.normal(size=(40, 1, 32))
    ssl = JigsawPuzzle(n_permutations=5, max_epochs=1, **CPU).fit(X)
    parts = ssl._objective.parts
    assert len(parts) > 1
    for part in parts:
        np.testing.assert_array_equal(part.task.orders, ssl.permutations_)
    assert ssl.solve(X).shape == X.shape


def test_every_pair_of_clips_is_compared_alike():
    head = PairwiseHead(2, 3, 4, 6).eval()
    embeddings = torch.rand(5, 3, 2)
    compared = [head.compare(embeddings[:, pair].flatten(1)) for pair in ([0, 1], [0, 2], [1, 2])]
    expected = head.answer[1](torch.cat(compared, dim=1))
    torch.testing.assert_close(head(embeddings.flatten(1)), expected)


# Views come before the task.


def test_views_may_make_samples_smaller(rng):
    X = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    ssl = JigsawPuzzle(encoder="conv", views=ImageViews(resolution=0.5), max_epochs=1, **CPU)
    assert 0 <= ssl.fit(X).score(X) <= 1
    ssl.set_params(encoder=tiny_conv, grid=5, views=lambda batch: batch[:, :, :4, :4])
    with pytest.raises(ValueError, match=r"views made samples of shape \(3, 4, 4\).*5 x 5 pieces"):
        ssl.fit(X)


# What is refused.

SMALL = np.random.default_rng(0).integers(0, 256, (20, 5, 5), dtype=np.uint8)
CLIPS = np.random.default_rng(0).integers(0, 256, (20, 6, 8, 8, 1), dtype=np.uint8)
WAVES = np.random.default_rng(0).normal(size=(20, 1, 7)).astype(np.float32)
TEXTS = ["one two three", "three two one"] * 10
WORDS = Text(min_df=1, max_df=1.0)
REFUSED = [
    (JigsawPuzzle(grid=3), SMALL, "grid=3 needs .* 3 x 3 pieces of at least 2 .* are 5 x 5"),
    (JigsawPuzzle(grid=1), SMALL, "'grid' parameter of JigsawPuzzle"),
    (JigsawPuzzle(gap=1.0), SMALL, "'gap' parameter of JigsawPuzzle"),
    (JigsawPuzzle(n_permutations=25), SMALL, "n_permutations=25 is more than the 24 .* 4 pieces"),
    (JigsawPuzzle(n_permutations=1), SMALL, "'n_permutations' parameter"),
    (JigsawPuzzle(grid=5), CLIPS, "grid=5 needs .* 2 x 5 x 5 .* are 6 x 8 x 8"),
    (JigsawPuzzle(), WAVES, "grid='auto' needs .* 4 pieces of at least 2 steps, .* has 7 steps"),
    (JigsawPuzzle(modality=WORDS), TEXTS, "4 pieces of at least 1 known tokens, .* has 3"),
    (JigsawPuzzle(), np.zeros((20, 4)), "JigsawPuzzle has no meaning .*Tabular"),
    (RelativePosition(), SMALL, "RelativePosition needs .* 3 x 3 .* are 5 x 5"),
    (RelativePosition(), WAVES, "5 pieces of at least 2 steps, .* has 7"),
    (RelativePosition(), CLIPS, r"no meaning for modality=Video\(\); it works with Images, Series"),
    (ArrowOfTime(), SMALL, r"no meaning for modality=Images\(\); it works with Series, Video"),
    (ClipOrder(n_clips=4), CLIPS, "n_clips=4 needs .* 4 x 1 x 1 pieces .* 6 x 8 x 8"),
    (ClipOrder(n_clips=6), CLIPS, "'n_clips' parameter of ClipOrder"),
    (ClipOrder(n_clips=4), WAVES, "n_clips=4 needs .* 4 pieces of at least 2 steps"),
    (PacePrediction(paces=[1, 6]), CLIPS, r"paces=\[1, 6\] has a pace of 6, .* possible is 5"),
    (PacePrediction(paces=[1, 7]), WAVES, "the 7 steps .* possible is 6"),
    (PacePrediction(paces=[2]), CLIPS, r"at least 2 different positive integers, got \[2\]"),
    (PacePrediction(paces=[1, 1]), CLIPS, "at least 2 different positive integers"),
    (PacePrediction(paces=[0, 1]), CLIPS, "at least 2 different positive integers"),
    (PacePrediction(paces=[1, 2.5]), CLIPS, "at least 2 different positive integers"),
    (PacePrediction(paces=3), CLIPS, "'paces' parameter of PacePrediction"),
]


@pytest.mark.parametrize(("ssl", "X", "message"), REFUSED, ids=[str(ssl) for ssl, _, _ in REFUSED])
def test_what_cannot_be_cut_is_refused(ssl, X, message):
    with pytest.raises(ValueError, match=message):
        ssl.set_params(device="cpu").fit(X)
    assert not hasattr(ssl, "loss_curve_")


def test_texts_of_overlapping_tokens_are_not_written():
    texts = ["one two three four", "four three two one"] * 10
    modality = Text(analyzer="char", min_df=1, max_df=1.0)
    ssl = JigsawPuzzle(modality=modality, encoder=tiny_text, max_epochs=1, **CPU).fit(texts)
    assert 0 <= ssl.score(texts) <= 1
    with pytest.raises(ValueError, match="analyzer='char' .* overlap"):
        ssl.solve(texts)


# Samples that are longer or shorter than those of fit.


@pytest.mark.parametrize("estimator", [JigsawPuzzle, RelativePosition, ClipOrder, PacePrediction])
def test_scores_of_other_lengths(estimator, rng):
    X = [rng.normal(size=(1, length)) for length in rng.integers(20, 40, 60)]
    X[0][0, 3:6] = np.nan
    ssl = estimator(encoder="resnet", max_epochs=1, **CPU).fit(X)
    other = [rng.normal(size=(1, length)) for length in (1, 3, 9, 80)]
    assert 0 <= ssl.score(other) <= 1
    assert np.isfinite(ssl.transform(other)).all()


class Watching(torch.nn.Module):
    """Notes the sizes of what an encoder sees."""

    def __init__(self, encoder, sizes):
        super().__init__()
        self.encoder, self.sizes = encoder, sizes

    def forward(self, batch):
        self.sizes.add(tuple(batch.shape[1:]))
        return self.encoder(batch)


@pytest.mark.parametrize(
    ("ssl", "size"),
    [
        (JigsawPuzzle(), (1, 4, 4, 4)),
        (ClipOrder(n_clips=2), (1, 4, 8, 8)),
        (PacePrediction(paces=[1, 3]), (1, 3, 8, 8)),
    ],
)
def test_only_encoders_by_name_see_other_sizes(ssl, size, rng):
    X = rng.integers(0, 256, (20, 8, 8, 8, 1), dtype=np.uint8)
    ssl.set_params(**CPU, max_epochs=0, views=keep)
    task = ssl.set_params(encoder="conv").fit(X)._objective.task
    batch, answers = torch.rand(20, 1, 8, 8, 8), torch.zeros(20, dtype=torch.int64)
    assert {part.shape[1:] for part in task.pose(batch, answers)} == {size}
    sizes = set()
    ssl.set_params(max_epochs=1, encoder=lambda shape: Watching(tiny_video(shape), sizes)).fit(X)
    ssl.score(X)
    assert sizes == {(1, 8, 8, 8)}
