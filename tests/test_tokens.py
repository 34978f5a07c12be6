"""Tokens of all modalities: what is masked, how samples are cut, and errors of predictions."""

import pytest
import torch
from cases import CASES, pieces_on_grid

from skssl.masked._masks import Masks, block_scores, lowest
from skssl.modality import Images, PointCloud, Series, Tabular, Text, Tokenizable, Video
from skssl.nn import (
    Patches,
    PointPatches,
    TokenEncoder,
    chamfer,
    first_of,
    patch_sizes,
)


def tokenizer_of(case, width=8):
    X, _ = case.load()
    kind = type(case.modality_for_2d)
    kind = kind.__bases__[0] if kind.__module__ == "skssl.testing._cases" else kind
    modality = kind(min_df=1, max_df=1.0) if kind is Text else kind()
    checked = modality.check(X, estimator="")
    samples = modality.fit(checked).prepare(checked)
    batch = modality.input_layer()(samples)
    return modality.tokenizer(samples, patch_size="auto", width=width), batch


@pytest.fixture(params=CASES, ids=[case.name for case in CASES])
def tokens(request):
    torch.manual_seed(0)
    return tokenizer_of(request.param)


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


def test_hidden_patches_have_no_part_in_the_scale_of_a_series():
    torch.manual_seed(0)
    series = 3 + 2 * torch.randn(5, 2, 24)
    series[0, 0, :3] = torch.nan
    modality = Series().fit(series.numpy())
    samples = modality.input_layer()(series)
    tokenizer = modality.tokenizer(series, patch_size=4, width=8)
    pieces = tokenizer.split(samples)
    hidden = torch.zeros(5, 6, dtype=torch.bool)
    hidden[:, 3:] = True
    seen, undo = tokenizer.as_seen(pieces, hidden)
    alone = modality.input_layer()(series[..., :12])
    torch.testing.assert_close(
        seen.values[:, :3], tokenizer.cut(alone), rtol=1e-4, atol=1e-5, equal_nan=True
    )
    # What is predicted right in that scale is right in that of the whole series.
    right = ((seen.values - tokenizer.mean) / tokenizer.std).nan_to_num()
    assert tokenizer.errors(undo(right), pieces).max() < 1e-8
    assert tokenizer.errors(right, pieces).max() > 0.1


def test_series_may_begin_within_their_first_patch():
    torch.manual_seed(0)
    series = torch.arange(24.0).expand(200, 2, 24).clone()
    series[:20, :, 7:] = torch.nan
    tokenizer = Series(normalize=None).fit(series.numpy()).tokenizer(series, patch_size=4, width=8)
    later, start = tokenizer.from_anywhere(series)
    assert (start[:20] == 0).all()
    torch.testing.assert_close(later[:20], series[:20], rtol=0, atol=0, equal_nan=True)
    # Half of them may, and a quarter of these does not.
    assert 0.55 < (start[20:] == 0).float().mean() < 0.7
    assert set((4 * start).tolist()) == {0, 1, 2, 3}
    torch.testing.assert_close(later[20:, 0, 0], 4 * start[20:])
    assert (later[20:].isnan().sum(dim=2) == 4 * start[20:, None]).all()
    # The places tell where the pieces are in the whole series.
    pieces = tokenizer.split(later).later(start)
    torch.testing.assert_close(4 * pieces.places[20:, :5, 0], pieces.values[20:, :5, 0])
    for modality, samples in ((Series(), series[..., :1]), (Images(), torch.rand(9, 1, 8, 8))):
        fitted = modality.fit(samples.numpy())
        tokenizer = fitted.tokenizer(samples, patch_size="auto", width=8)
        assert tokenizer.from_anywhere(samples)[1] is None


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


@pytest.mark.parametrize("modality", [Images(), Video(), Series(), Tabular(), Text(), PointCloud()])
def test_all_modalities_have_a_tokenizer(modality):
    assert isinstance(modality, Tokenizable)
