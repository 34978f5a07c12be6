"""Masked modelling: masks, tokenizers, and what the methods give back."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from cases import CASES
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from skssl import IJEPA, MSN, Data2Vec, MaskedAutoencoder, SelfSupervisedImputer, SimCLR, SimMIM
from skssl.exceptions import CollapseWarning
from skssl.masked._masks import Masks, block_scores, lowest
from skssl.modality import Images, PointCloud, Series, Tabular, Text, Video
from skssl.nn import (
    Patches,
    Pieces,
    PointPatches,
    TokenEncoder,
    TransformerLayers,
    chamfer,
    first_of,
    patch_sizes,
)

TINY = {"width": 16, "depth": 1, "n_heads": 2, "device": "cpu", "random_state": 0}
RECONSTRUCTING = [MaskedAutoencoder, SimMIM]
DIGITS = load_digits().images[:300]


def tokenizer_of(case, width=8):
    X, _ = case.load()
    kind = type(case.modality_for_2d)
    kind = kind.__bases__[0] if kind.__module__ == "cases" else kind
    modality = kind(min_df=1, max_df=1.0) if kind is Text else kind()
    checked = modality.check(X, estimator="")
    samples = modality.fit(checked).prepare(checked)
    batch = modality.input_layer()(samples)
    return modality.tokenizer(samples, patch_size="auto", width=width), batch


@pytest.fixture(params=CASES, ids=[case.name for case in CASES])
def tokens(request):
    torch.manual_seed(0)
    return tokenizer_of(request.param)


def pieces_on_grid(*steps, n=50, present=None):
    places = torch.cartesian_prod(*(torch.arange(s) for s in steps)).view(-1, len(steps)).float()
    if present is None:
        present = torch.ones(n, len(places), dtype=torch.bool)
    return Pieces(torch.zeros(len(present), len(places), 1), present, places[None], steps)


class Ordered:
    ordered = True


@pytest.mark.parametrize(
    ("shape", "steps", "ratio", "count"),
    [
        ("random", (8, 8), 0.75, 48),
        ("block", (8, 8), 0.5, 32),
        ("span", (20,), 0.3, 6),
        ("tube", (3, 4, 4), 0.9, 42),
        ("random", (2,), 0.99, 1),
        ("random", (2,), 0.01, 1),
    ],
)
def test_masks_hide_the_same_number_in_all_samples(shape, steps, ratio, count):
    pieces = pieces_on_grid(*steps)
    masks = Masks(Ordered, ratio, shape)
    mask = masks.draw(pieces)
    assert (mask.sum(dim=1) == count).all()
    assert masks.most_hidden(pieces) >= count
    assert masks.most_visible(pieces) >= mask.shape[1] - count
    assert len(mask.unique(dim=0)) > 1


def test_tubes_hide_the_same_places_in_all_frames():
    mask = Masks(Ordered, 0.5, "tube").draw(pieces_on_grid(3, 4, 4)).view(-1, 3, 16)
    assert torch.equal(mask[:, 0], mask[:, 1])
    assert torch.equal(mask[:, 0], mask[:, 2])


def test_blocks_and_spans_hide_neighbours():
    def neighbours(mask):
        return (mask[:, 1:] & mask[:, :-1]).float().mean()

    torch.manual_seed(0)
    pieces = pieces_on_grid(40, n=200)
    span = Masks(Ordered, 0.3, "span").draw(pieces)
    assert neighbours(span) > 2 * neighbours(Masks(Ordered, 0.3, "random").draw(pieces))
    square = pieces_on_grid(8, 8, n=200)
    score = block_scores(square.places, square.present, n_blocks=1)
    block = lowest(score, square.present, 9).view(-1, 8, 8)
    # A single rectangle of 9 tokens, cut off at random, is at most 5 wide and high.
    assert (block.any(dim=1).sum(dim=1) <= 5).all()
    assert (block.any(dim=2).sum(dim=1) <= 5).all()


def test_masks_hide_only_what_is_present():
    torch.manual_seed(0)
    present = torch.rand(200, 10) < torch.rand(200, 1)
    pieces = pieces_on_grid(10, present=present)
    for shape in ("random", "span"):
        masks = Masks(Ordered, (0.1, 0.9), shape)
        mask = masks.draw(pieces)
        assert not (mask & ~present).any()
        many = present.sum(dim=1) >= 2
        assert mask[many].any(dim=1).all()
        assert (present & ~mask)[many].any(dim=1).all()
        assert not mask[~many].any()
        assert mask.sum(dim=1).max() <= masks.most_hidden(pieces)
        assert (present & ~mask).sum(dim=1).max() <= masks.most_visible(pieces)
    # A range gives every sample a share of its own.
    assert len((mask.sum(dim=1) / present.sum(dim=1).clamp(min=1)).unique()) > 10


def test_masks_of_one_ratio_leave_as_much_of_every_sample():
    torch.manual_seed(0)
    pieces = pieces_on_grid(10, n=200)
    masks = Masks(Ordered, (0.1, 0.9), "random")
    hidden = [masks.of_one_ratio().draw(pieces).sum(dim=1) for _ in range(20)]
    assert all(len(count.unique()) == 1 for count in hidden)
    assert len(torch.cat(hidden).unique()) > 5
    gaps = pieces_on_grid(10, present=torch.rand(200, 10) < torch.rand(200, 1))
    for _ in range(20):
        drawn = masks.of_one_ratio()
        mask = drawn.draw(gaps)
        assert mask.sum(dim=1).max() <= drawn.most_hidden(gaps)
        assert (gaps.present & ~mask).sum(dim=1).max() <= drawn.most_visible(gaps)


def test_first_of_keeps_the_order():
    chosen = torch.tensor([[0, 1, 0, 1, 1], [0, 0, 0, 0, 1]], dtype=torch.bool)
    index, valid = first_of(chosen, 3)
    assert index[0].tolist() == [1, 3, 4]
    assert index[1, 0] == 4
    assert valid.tolist() == [[True, True, True], [True, False, False]]


def test_tokens_are_finite_and_absent_ones_do_not_matter(tokens):
    tokenizer, batch = tokens
    pieces = tokenizer.split(batch)
    embedded = tokenizer.embed(pieces)
    assert embedded.shape == (*pieces.present.shape, 8)
    assert embedded.isfinite().all()
    encoder = TokenEncoder(tokenizer, depth=1, n_heads=2).eval()
    with torch.no_grad():
        before = encoder(batch)
        noise = torch.where(pieces.present[..., None], 0.0, 5.0)
        tokenizer.embed = lambda pieces: type(tokenizer).embed(tokenizer, pieces) + noise
        torch.testing.assert_close(encoder(batch), before)


def test_a_sample_without_tokens_is_finite():
    tokenizer, batch = tokenizer_of(next(case for case in CASES if case.name == "categories"))
    empty = torch.full_like(batch[:2], torch.nan)
    empty[:, tokenizer.n_numbers :] = 1
    for pooling in ("mean", "max"):
        encoder = TokenEncoder(tokenizer, depth=1, n_heads=2, pooling=pooling).eval()
        torch.testing.assert_close(encoder(empty), torch.zeros(2, 8))


def test_one_is_the_error_of_the_best_constant(tokens):
    tokenizer, batch = tokens
    pieces = tokenizer.split(batch)
    n_codes = getattr(tokenizer, "codes", torch.zeros(0)).shape[0]
    if hasattr(tokenizer, "vectors"):
        ids = batch[batch != 0].long()
        counts = torch.bincount(ids, minlength=tokenizer.vectors.num_embeddings)[1:]
        constant = counts.float().log().clamp(min=-1e4)
    elif n_codes or hasattr(tokenizer, "n_numbers"):
        scores = torch.zeros(n_codes)
        for place, start in enumerate(tokenizer.offsets.tolist()):
            codes = batch[:, tokenizer.n_numbers + place].long() + start
            counts = torch.bincount(codes, minlength=n_codes).float()
            scores = torch.where(counts > 0, counts.log(), scores)
        constant = torch.cat([torch.zeros(2), scores])
    else:
        constant = torch.zeros(tokenizer.make_head(4).out_features)
    prediction = constant.expand(*pieces.present.shape, -1)
    errors = tokenizer.errors(prediction, pieces)
    assert errors.isfinite().all()
    assert errors[pieces.present].mean() == pytest.approx(1.0, abs=0.02)
    absolute = tokenizer.errors(prediction, pieces, absolute=True)
    assert absolute[pieces.present].mean() == pytest.approx(1.0, abs=0.02)


def test_absolute_errors_are_not_squared():
    batch = torch.randn(20, 1, 8, 8)
    tokenizer = patches(batch, (2, 2))
    pieces = tokenizer.split(batch)
    near, far = torch.full((20, 16, 4), 10.0), torch.full((20, 16, 4), 20.0)
    ratio = [
        tokenizer.errors(far, pieces, absolute=absolute).mean()
        / tokenizer.errors(near, pieces, absolute=absolute).mean()
        for absolute in (True, False)
    ]
    assert ratio[0] == pytest.approx(2, rel=0.05)
    assert ratio[1] == pytest.approx(4, rel=0.05)


def patches(batch, patch, **kwargs):
    settings = {"width": 8, "mask_ratio": 0.5, "mask_shapes": ("random",), "complete": False}
    return Patches(batch, patch, **settings | kwargs)


@pytest.mark.parametrize(
    ("shape", "patch"),
    [((3, 8, 6), (2, 3)), ((2, 5, 7), (2, 3)), ((1, 4, 6, 6), (2, 3, 2)), ((2, 19), (4,))],
)
def test_patches_are_cut_and_joined(shape, patch):
    batch = torch.randn(5, *shape)
    tokenizer = patches(batch, patch)
    cut = tokenizer.cut(batch)
    assert cut.shape[1] == tokenizer.n_tokens
    assert torch.equal(tokenizer.join(cut, batch), batch)
    # The first patch is the corner of the sample.
    corner = batch[(slice(None), slice(None), *(slice(size) for size in patch))]
    assert torch.equal(cut[:, 0], corner.flatten(1))
    cells = torch.zeros(batch.shape, dtype=torch.bool)
    cells[0].view(-1)[-1] = True
    covered = tokenizer.covered(cells)
    assert covered.nonzero().tolist() == [[0, tokenizer.n_tokens - 1]]
    assert (tokenizer.cells(covered, batch) >= cells).all()


def test_what_is_predicted_right_fills_the_sample():
    batch = torch.randn(6, 2, 9) * 3 + 1
    tokenizer = patches(batch, (4,))
    pieces = tokenizer.split(batch)
    prediction = ((pieces.values - tokenizer.mean) / tokenizer.std).nan_to_num()
    torch.testing.assert_close(tokenizer.fill(batch, prediction), batch)
    assert tokenizer.errors(prediction, pieces).abs().max() < 1e-10


def test_patches_relative_to_their_mean():
    batch = torch.randn(20, 1, 8, 8) + 5 * torch.rand(20, 1, 1, 1)
    tokenizer = patches(batch, (4, 4))
    tokenizer.normalize_pieces()
    pieces = tokenizer.split(batch)
    errors = tokenizer.errors(torch.zeros_like(pieces.values), pieces)
    torch.testing.assert_close(errors, torch.ones_like(errors), rtol=1e-2, atol=0)


def test_missing_steps_of_a_patch_have_no_loss():
    batch = torch.randn(4, 1, 12)
    batch[0, 0, 4:8] = torch.nan
    batch[1, 0, 5] = torch.nan
    tokenizer = patches(batch, (4,))
    pieces = tokenizer.split(batch)
    assert pieces.present[0].tolist() == [True, False, True]
    assert pieces.present[1].all()
    prediction = torch.zeros_like(pieces.values)
    errors = tokenizer.errors(prediction, pieces)
    prediction[1, 1, 1] = 1e6
    assert torch.equal(tokenizer.errors(prediction, pieces), errors)


@pytest.mark.parametrize(
    ("sizes", "patch"), [((28, 28), 4), ((32, 32), 4), ((8, 8), 2), ((96, 64), 8), ((31, 31), 4)]
)
def test_auto_patches(sizes, patch):
    assert patch_sizes(sizes, "auto", patches=8, what="images") == (patch, patch)


def test_chamfer_by_brute_force():
    first, second = torch.randn(2, 3, 5, 3), torch.randn(2, 3, 7, 3)
    distances = chamfer(first, second)
    for a in range(2):
        for b in range(3):
            there = [min(((p - q) ** 2).sum() for q in second[a, b]) for p in first[a, b]]
            back = [min(((p - q) ** 2).sum() for p in first[a, b]) for q in second[a, b]]
            expected = sum(there) / len(there) + sum(back) / len(back)
            torch.testing.assert_close(distances[a, b], expected, rtol=1e-4, atol=1e-4)


def test_point_patches_do_not_depend_on_order_and_absent_points():
    torch.manual_seed(0)
    clouds = torch.randn(6, 40, 3)
    tokenizer = PointPatches(clouds, 5, 8, width=8)
    encoder = TokenEncoder(tokenizer, depth=1, n_heads=2).eval()
    padded = torch.cat([clouds, torch.full((6, 9, 3), torch.nan)], dim=1)
    with torch.no_grad():
        expected = encoder(clouds)
        torch.testing.assert_close(encoder(clouds[:, torch.randperm(40)]), expected)
        torch.testing.assert_close(encoder(padded[:, torch.randperm(49)]), expected)
        # As many points as there are, though fewer than a patch wants.
        assert encoder(clouds[:, :3]).isfinite().all()
    pieces = tokenizer.split(clouds[:, :3])
    assert (pieces.present.sum(dim=1) == 3).all()
    distances = torch.cdist(tokenizer.split(clouds).places, clouds)
    assert (distances.min(dim=2).values < 0.01).all()


def hidden_part_changes(method, X):
    ssl = method(max_epochs=0, **TINY).fit(X)
    objective = ssl._objective.eval()
    batch = torch.rand(4, 1, 8, 8)
    changed = batch.clone()
    changed[:, :, :4] += 1
    pieces, others = (objective.encoder.tokenizer.split(b) for b in (batch, changed))
    mask = torch.zeros(4, 16, dtype=torch.bool)
    mask[:, :8] = True
    return objective, pieces, others, mask


@pytest.mark.parametrize("method", RECONSTRUCTING)
def test_predictions_do_not_see_what_is_hidden(method):
    objective, pieces, others, mask = hidden_part_changes(method, DIGITS)
    with torch.no_grad():
        first = objective.decode(pieces, mask, most_visible=8)
        torch.testing.assert_close(objective.decode(others, mask, most_visible=8), first)
        # Room for more tokens than there are changes nothing.
        torch.testing.assert_close(objective.decode(pieces, mask, most_visible=16), first)
        unlike = objective.decode(others, ~mask, most_visible=8)
        assert not torch.allclose(unlike, objective.decode(pieces, ~mask, most_visible=8))


def test_the_encoder_of_mae_sees_only_some_tokens():
    objective, pieces, others, mask = hidden_part_changes(MaskedAutoencoder, DIGITS)
    index, valid = first_of(~mask, 8)
    with torch.no_grad():
        encoded = [objective.encoder.encode_some(p, index, valid) for p in (pieces, others)]
    assert torch.equal(*encoded)


@pytest.mark.parametrize("method", [Data2Vec, IJEPA, MSN])
def test_teachers_have_no_gradient_and_follow(method):
    ssl = method(max_epochs=2, **TINY).fit(DIGITS)
    teacher = list(ssl._objective.teacher.parameters())
    assert teacher
    assert not any(weight.requires_grad for weight in teacher)
    start = method(max_epochs=0, **TINY).fit(DIGITS)._objective.teacher.parameters()
    moved = [not torch.equal(a, b) for a, b in zip(teacher, start, strict=True)]
    assert any(moved)


def test_short_samples_are_not_padded_to_the_longest(monkeypatch):
    from skssl.nn import _tokens

    torch.manual_seed(0)
    layers = TransformerLayers(8, depth=2, n_heads=2).eval()
    tokens = torch.randn(90, 30, 8)
    attended = torch.rand(90, 30) < 0.7
    attended &= torch.arange(30) < torch.randint(0, 31, (90, 1))
    assert (attended.sum(dim=1) == 0).any() and (attended.sum(dim=1) > 15).any()
    seen = []
    layers.layers[0].register_forward_pre_hook(lambda layer, args: seen.append(args[0].shape[:2]))
    with torch.no_grad():
        grouped = layers(tokens, attended)
        assert sum(n for n, _ in seen) == 90 and len({length for _, length in seen}) > 4
        assert sum(n * length for n, length in seen) < 1.4 * attended.sum()
        monkeypatch.setattr(_tokens, "_WORTH_GROUPS", 1000)
        together = layers(tokens, attended)
    torch.testing.assert_close(grouped[attended], together[attended])


def test_ijepa_keeps_targets_out_of_the_context():
    torch.manual_seed(0)
    for X in (DIGITS, DIGITS.reshape(300, 64)):
        objective = IJEPA(max_epochs=0, **TINY).fit(X)._objective
        pieces = pieces_on_grid(8, 8, present=torch.rand(50, 64) < 0.5)
        context, blocks = objective._blocks(pieces)
        assert len(blocks) == 4
        for block in blocks:
            assert not (block & context).any()
            assert not (block & ~pieces.present).any()
            assert block.any(dim=1).all()
        assert context.any(dim=1).all()


def test_msn_evens_the_groups_out():
    ssl = MSN(max_epochs=0, use_sinkhorn=False, **TINY).fit(DIGITS)
    objective = ssl._objective

    def entropy_term(scores):
        mean = scores.softmax(dim=1).mean(dim=0)
        return np.log(256) + torch.special.xlogy(mean, mean).sum()

    assert entropy_term(torch.zeros(8, 256)) == pytest.approx(0, abs=1e-5)
    sharp = objective._sharpened(torch.tensor([[0.5, 0.4]]))
    assert sharp[0, 0] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-5)
    # All prefer the first group, but some less than others.
    scores = torch.tensor([[0.5, 0.49], [0.5, 0.48], [0.5, 0.47], [0.5, 0.46]])
    assert (objective._sharpened(scores).argmax(dim=1) == 0).all()
    objective = MSN(max_epochs=0, **TINY).fit(DIGITS)._objective
    assert objective._sharpened(scores).argmax(dim=1).tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("method", RECONSTRUCTING)
def test_training_gets_well_below_the_mean(method):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 1))
    table = np.hstack([base, -base, 2 * base, base + 1]) + 0.01 * rng.normal(size=(300, 4))
    ssl = method(max_epochs=80, learning_rate=0.005, **TINY).fit(table)
    assert ssl.history_[0]["relative_error"] > 0.8
    assert ssl.history_[-1]["relative_error"] < 0.4
    assert ssl.score(table) > 0.6
    assert ssl.score(table) == ssl.score(table)


@pytest.mark.parametrize("method", RECONSTRUCTING)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_keep_what_is_not_masked(method, dtype):
    X = DIGITS.astype(dtype)
    ssl = method(max_epochs=1, **TINY).fit(X)
    mask = np.zeros(X.shape, dtype=bool)
    mask[:, 2:5, 3] = True
    filled = ssl.reconstruct(X, mask)
    assert filled.shape == X.shape
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~mask], X[~mask])
    assert (filled[mask] != X[mask]).any()
    assert filled.min() >= X.min()
    assert filled.max() <= X.max()
    some = ssl.reconstruct(X)
    changed = np.mean(some != X)
    assert 0.2 < changed < 0.76
    np.testing.assert_array_equal(some, ssl.reconstruct(X))


def test_a_mask_hides_what_it_marks():
    ssl = MaskedAutoencoder(max_epochs=1, **TINY).fit(DIGITS)
    mask = np.zeros(DIGITS.shape, dtype=bool)
    mask[:, :2, :2] = True
    other = DIGITS.copy()
    other[mask] = 16 - other[mask]
    np.testing.assert_array_equal(
        ssl.reconstruct(DIGITS, mask)[mask], ssl.reconstruct(other, mask)[mask]
    )


def test_video_keeps_what_is_not_masked():
    X, _ = next(case for case in CASES if case.name == "video").load()
    ssl = MaskedAutoencoder(max_epochs=1, **TINY).fit(X)
    mask = np.zeros(X.shape[:4], dtype=bool)
    mask[:, 2] = True
    filled = ssl.reconstruct(X, mask)
    assert filled.dtype == np.uint8
    np.testing.assert_array_equal(filled[~mask], X[~mask])


def test_series_keep_what_is_not_masked_and_do_not_see_it():
    X = np.random.default_rng(0).normal(size=(40, 2, 30)).cumsum(axis=2).astype(np.float32)
    ssl = MaskedAutoencoder(max_epochs=1, **TINY).fit(X)
    mask = np.zeros((40, 30), dtype=bool)
    mask[:, 10:14] = True
    filled = ssl.reconstruct(X, mask)
    whole = np.repeat(mask[:, None], 2, axis=1)
    np.testing.assert_array_equal(filled[~whole], X[~whole])
    other = np.where(whole, 100, X)
    np.testing.assert_allclose(ssl.reconstruct(other, mask), filled, rtol=1e-5)
    by_channel = whole.copy()
    by_channel[:, 1] = False
    np.testing.assert_array_equal(ssl.reconstruct(X, by_channel)[:, 1], X[:, 1])


def mixed_frame():
    rng = np.random.default_rng(0)
    size = rng.normal(size=200)
    frame = pd.DataFrame(
        {
            "size": size,
            "count": np.rint(10 + 3 * size).astype(int),
            "sign": np.where(size > 0, "plus", "minus"),
            "kind": pd.Categorical(np.where(size > 1, "large", "small")),
            "whole": pd.array(np.rint(5 * size).astype(int), dtype="Int64"),
        }
    )
    for column in ("size", "sign", "kind", "whole"):
        frame.loc[rng.random(200) < 0.15, column] = None
    return frame


def test_frames_of_pandas_come_back_as_they_were():
    frame = mixed_frame()
    filled = MaskedAutoencoder(max_epochs=1, **TINY).fit(frame).impute(frame)
    assert filled.dtypes.equals(frame.dtypes)
    assert filled.index.equals(frame.index)
    assert not filled.isna().to_numpy().any()
    known = frame.notna()
    for column in frame:
        assert filled[column][known[column]].equals(frame[column][known[column]])
    assert set(filled["sign"]) == {"plus", "minus"}


def test_frames_of_polars_come_back_as_they_were():
    frame = pl.DataFrame(
        {
            "a": [1.5, None, 2.5, 4.0] * 20,
            "b": [1, 2, None, 4] * 20,
            "c": pl.Series(["x", "y", None, "x"] * 20, dtype=pl.Categorical),
        }
    )
    filled = SimMIM(max_epochs=1, **TINY).fit(frame).impute(frame)
    assert filled.schema == frame.schema
    assert sum(filled.null_count().row(0)) == 0
    for column in frame.columns:
        known = frame[column].is_not_null()
        assert filled[column].filter(known).to_list() == frame[column].filter(known).to_list()


def test_masked_cells_of_integers_are_rounded():
    frame = mixed_frame()
    ssl = MaskedAutoencoder(max_epochs=1, **TINY).fit(frame)
    mask = np.zeros(frame.shape, dtype=bool)
    mask[:3, 1] = True
    filled = ssl.reconstruct(frame, mask)
    assert filled["count"].dtype == frame["count"].dtype
    assert filled["size"].isna().equals(frame["size"].isna())
    assert filled["count"][3:].equals(frame["count"][3:])


def test_numbers_that_are_categories_keep_their_dtype():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"code": rng.integers(0, 3, 60) * 1.0, "x": rng.normal(size=60)})
    frame["x"] = frame["x"].astype(np.float32)
    frame.loc[::5, ["code", "x"]] = None
    modality = Tabular(categorical=["code"])
    filled = MaskedAutoencoder(max_epochs=1, modality=modality, **TINY).fit(frame).impute(frame)
    assert filled.dtypes.equals(frame.dtypes)
    assert set(filled["code"]) == {0, 1, 2}
    mask = np.ones(frame.shape, dtype=bool)
    whole = frame.fillna(0).astype({"code": int})
    ssl = MaskedAutoencoder(max_epochs=1, modality=modality, **TINY).fit(whole)
    assert ssl.reconstruct(whole, mask).dtypes.equals(whole.dtypes)


def test_constant_and_empty_columns_are_imputed():
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[:, 1] = 7
    X[::3, :2] = np.nan
    filled = MaskedAutoencoder(max_epochs=1, **TINY).fit(X).impute(X)
    assert filled.dtype == np.float64
    np.testing.assert_allclose(filled[:, 1], 7, rtol=1e-6)
    X[:, 1] = np.nan
    filled = MaskedAutoencoder(max_epochs=1, **TINY).fit(X).impute(X)
    assert np.isfinite(filled[:, [0, 2]]).all()
    # Nothing is known of this one.
    assert np.isnan(filled[:, 1]).all()


def test_rare_categories_can_be_imputed():
    X = np.array([["a"], ["b"], ["c"], ["d"]] * 15, dtype=object)
    X = np.hstack([X, X])
    X[::7, 0] = None
    modality = Tabular(max_categories=2)
    filled = MaskedAutoencoder(max_epochs=1, modality=modality, **TINY).fit(X).impute(X)
    assert set(filled[:, 0]) <= set("abcd")


def test_imputing_learns_what_columns_share():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(400, 1))
    full = np.hstack([base, np.exp(base), -base]) + 0.01 * rng.normal(size=(400, 3))
    missing = rng.random(full.shape) < 0.15
    X = np.where(missing, np.nan, full)
    method = MaskedAutoencoder(max_epochs=80, learning_rate=0.005, **TINY)
    filled = SelfSupervisedImputer(method=method).fit_transform(X)
    np.testing.assert_array_equal(filled[~missing], X[~missing])
    some = missing & ~missing.all(axis=1, keepdims=True)
    scale = np.nanstd(X, axis=0)
    error = np.sqrt(np.mean((((filled - full) / scale)[some]) ** 2))
    mean = np.sqrt(np.mean((((np.nanmean(X, axis=0) - full) / scale)[some]) ** 2))
    assert error < 0.5 * mean


def test_the_imputer_passes_the_checks_of_scikit_learn():
    method = MaskedAutoencoder(max_epochs=1, **TINY)
    results = check_estimator(SelfSupervisedImputer(method=method), on_fail=None, on_skip=None)
    assert not [r["check_name"] for r in results if r["status"] == "failed"]
    assert sum(r["status"] == "passed" for r in results) >= 40
    assert list(
        SelfSupervisedImputer(method=method).fit(mixed_frame()).get_feature_names_out()
    ) == [
        "size",
        "count",
        "sign",
        "kind",
        "whole",
    ]


def waves(n=200, length=48):
    rng = np.random.default_rng(0)
    start = rng.random((n, 1))
    return np.sin(2 * np.pi * (np.arange(length + 12) / 12 + start)).astype(np.float32)


def test_forecasts_follow_the_series():
    X = waves()
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=150, mask_shape="span", **TINY).fit(
        X[:, :48]
    )
    forecast = ssl.forecast(X[:, :48], 12)
    assert np.mean((forecast - X[:, 48:]) ** 2) < 0.5 * np.var(X)
    # A shorter horizon is the beginning of a longer one, and longer ones roll on.
    np.testing.assert_array_equal(ssl.forecast(X[:, :48], 5), forecast[:, :5])
    assert ssl.forecast(X[:, :48], 100).shape == (200, 100)
    assert np.isfinite(ssl.forecast(X[:, :48], 100)).all()


def test_forecasts_have_the_layout_of_the_series():
    X = waves(30)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY).fit(X[:, None])
    assert ssl.forecast(X[:, None], 3).shape == (30, 1, 3)
    ragged = [x[: 20 + i] for i, x in enumerate(X)]
    assert ssl.forecast(ragged, 3).shape == (30, 3)
    few = ssl.forecast(ragged[4:6], 3)
    np.testing.assert_allclose(ssl.forecast(ragged, 3)[4:6], few, rtol=1e-4, atol=1e-5)
    last = Series(layout="channels_last")
    ssl = MaskedAutoencoder(modality=last, max_epochs=0, **TINY).fit(X[..., None])
    assert ssl.forecast(X[..., None], 3).shape == (30, 3, 1)


def test_series_of_other_lengths_are_embedded():
    X = waves(30)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY).fit(X[:, None])
    assert ssl.transform(X[:, None, :31]).shape == ssl.transform(X[:, None]).shape
    learned = ssl.set_params(positions="learned").fit(X[:, None, :31])
    with pytest.raises(ValueError, match=r"31 tokens|positions were learned for"):
        learned.transform(X[:, None])


def test_encoders_are_passed_on():
    first = SimMIM(max_epochs=1, **TINY).fit(DIGITS)
    encoder = first.encoder_.encoder
    assert isinstance(encoder, TokenEncoder)
    second = MaskedAutoencoder(encoder=encoder, max_epochs=0, device="cpu").fit(DIGITS)
    np.testing.assert_array_equal(second.transform(DIGITS), first.transform(DIGITS))


def test_a_teacher_that_says_the_same_of_all_is_noticed():
    ssl = Data2Vec(max_epochs=60, learning_rate=0.001, **TINY)
    same = np.repeat(DIGITS[:1], 60, axis=0) + np.random.default_rng(0).normal(0, 1e-4, (60, 8, 8))
    with pytest.warns(CollapseWarning, match="target_std is 0.0"):
        ssl.fit(same)


CLOUDS = np.random.default_rng(0).normal(size=(20, 30, 3)).astype(np.float32)
BAD = [
    ({"patch_size": 3}, DIGITS, r"patch_size=3 does not divide images of 8 x 8.*1, 2, 4, 8"),
    ({"patch_size": 8}, DIGITS, "at least 2 are needed"),
    ({"patch_size": 2}, DIGITS[:, 0], "patch_size=2 has no meaning.*column"),
    ({"patch_size": 2, "modality": Text()}, ["a cat", "a dog"] * 5, "patch_size=2 .*token"),
    ({"patch_size": 31, "modality": PointCloud()}, CLOUDS, "allowed are 2 to 30"),
    ({"patch_size": 9, "modality": Series()}, DIGITS[:, 0], "longer than the series.*8 steps"),
    ({"n_heads": 3}, DIGITS, "width=16 must be a multiple of n_heads=3"),
    ({"decoder_width": 3}, DIGITS, "decoder_width=3 must be a multiple of n_heads=2"),
    ({"mask_shape": "tube"}, DIGITS, "mask_shape='tube' has no meaning for Images.*'block'"),
    ({"mask_shape": "span"}, DIGITS[:, 0], "mask_shape='span' has no meaning for Tabular"),
    ({"mask_ratio": 1.0}, DIGITS, "mask_ratio"),
    ({"mask_ratio": (0.5, 0.1)}, DIGITS, "mask_ratio"),
    ({"encoder": torch.nn.Flatten()}, DIGITS, "cannot leave out parts.*TokenEncoder"),
    ({"encoder": "conv"}, DIGITS, "encoder='conv'.*'transformer'"),
    ({"normalize_patches": True}, DIGITS[:, 0], "normalize_patches=True has no meaning"),
]


@pytest.mark.parametrize(("params", "X", "message"), BAD, ids=[str(p) for p, _, _ in BAD])
def test_bad_parameters(params, X, message):
    with pytest.raises(ValueError, match=message):
        MaskedAutoencoder(**TINY | params).fit(X)


def test_bad_masks_and_horizons():
    images = MaskedAutoencoder(max_epochs=0, **TINY).fit(DIGITS)
    with pytest.raises(ValueError, match=r"\(300, 8, 8\), got shape \(300, 8\)"):
        images.reconstruct(DIGITS, np.zeros((300, 8), dtype=bool))
    with pytest.raises(ValueError, match="dtype float64"):
        images.reconstruct(DIGITS, np.zeros((300, 8, 8)))
    with pytest.raises(ValueError, match=r"impute has no meaning .*Images.*works with Tabular"):
        images.impute(DIGITS)
    with pytest.raises(ValueError, match=r"forecast has no meaning .*works with Series"):
        images.forecast(DIGITS, 3)
    clouds = MaskedAutoencoder(max_epochs=0, **TINY).fit(CLOUDS)
    with pytest.raises(ValueError, match="reconstruct has no meaning .*Images, Series, Tabular, V"):
        clouds.reconstruct(CLOUDS)
    series = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY).fit(DIGITS[:, 0])
    for horizon in (0, 1.5, True):
        with pytest.raises(
            ValueError, match=f"horizon must be an int of at least 1, got {horizon}"
        ):
            series.forecast(DIGITS[:, 0], horizon)
    relative = MaskedAutoencoder(max_epochs=0, normalize_patches=True, **TINY).fit(DIGITS)
    with pytest.raises(ValueError, match="needs normalize_patches=False"):
        relative.reconstruct(DIGITS)
    with pytest.raises(ValueError, match="'method' parameter of SelfSupervisedImputer"):
        SelfSupervisedImputer(method=SimCLR()).fit(DIGITS[:, 0])


@pytest.mark.parametrize("modality", [Images(), Video(), Series(), Tabular(), Text(), PointCloud()])
def test_all_modalities_have_a_tokenizer(modality):
    assert modality.offers("tokenizer")
