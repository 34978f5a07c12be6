"""Masked modelling: what is learned from which part of a sample, and bad parameters."""

from functools import partial

import numpy as np
import pytest
import torch
from cases import DIGITS, TINY_TRANSFORMER, pieces_on_grid, waves

from skssl import IJEPA, MSN, Data2Vec, MaskedAutoencoder, SelfSupervisedImputer, SimCLR, SimMIM
from skssl.exceptions import CollapseWarning
from skssl.modality import PointCloud, Series, Text
from skssl.nn import (
    TokenEncoder,
    TransformerLayers,
    first_of,
)

RECONSTRUCTING = [MaskedAutoencoder, SimMIM]


def hidden_part_changes(method, X):
    ssl = method(max_epochs=0, **TINY_TRANSFORMER).fit(X)
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


@pytest.mark.parametrize("method", [MaskedAutoencoder, SimMIM, Data2Vec, IJEPA])
def test_hidden_steps_have_no_part_in_the_scale_of_what_is_seen(method, monkeypatch):
    ssl = method(modality=Series(), patch_size=4, max_epochs=0, **TINY_TRANSFORMER).fit(waves(20))
    objective, input_layer = ssl._objective.eval(), ssl._input_layer
    hidden = torch.zeros(20, 15, dtype=torch.bool)
    hidden[:, 9:] = True
    first, others = (torch.from_numpy(waves(20))[:, None].clone() for _ in range(2))
    others[..., 36:] = 100 - 50 * others[..., 36:]
    seen = []

    def note(pieces, *args, encode):
        seen.append(pieces.values[:, :9])
        return encode(pieces, *args)

    for name in ("encode", "encode_some"):
        encode = partial(note, encode=getattr(objective.encoder, name))
        monkeypatch.setattr(objective.encoder, name, encode)
    if method is IJEPA:
        monkeypatch.setattr(objective, "_blocks", lambda pieces: (~hidden, [hidden]))
    else:
        monkeypatch.setattr(objective.masks, "draw", lambda pieces: hidden)
        monkeypatch.setattr(objective.masks, "of_one_ratio", lambda: objective.masks)
    tokenizer = objective.encoder.tokenizer
    monkeypatch.setattr(tokenizer, "from_anywhere", lambda batch: (batch, None))
    for series in (first, others):
        objective(input_layer(series), lambda batch, n: [batch] * n)
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(seen[0][:, 0], input_layer(first[..., :36])[:, 0, :4])


@pytest.mark.parametrize("method", [Data2Vec, IJEPA, MSN])
def test_teachers_have_no_gradient_and_follow(method):
    ssl = method(max_epochs=2, **TINY_TRANSFORMER).fit(DIGITS)
    teacher = list(ssl._objective.teacher.parameters())
    assert teacher
    assert not any(weight.requires_grad for weight in teacher)
    start = method(max_epochs=0, **TINY_TRANSFORMER).fit(DIGITS)._objective.teacher.parameters()
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
        objective = IJEPA(max_epochs=0, **TINY_TRANSFORMER).fit(X)._objective
        pieces = pieces_on_grid(8, 8, present=torch.rand(50, 64) < 0.5)
        context, blocks = objective._blocks(pieces)
        assert len(blocks) == 4
        for block in blocks:
            assert not (block & context).any()
            assert not (block & ~pieces.present).any()
            assert block.any(dim=1).all()
        assert context.any(dim=1).all()


def test_msn_evens_the_groups_out():
    ssl = MSN(max_epochs=0, use_sinkhorn=False, **TINY_TRANSFORMER).fit(DIGITS)
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
    objective = MSN(max_epochs=0, **TINY_TRANSFORMER).fit(DIGITS)._objective
    assert objective._sharpened(scores).argmax(dim=1).tolist() == [1, 1, 0, 0]


def test_views_of_a_text_for_msn_share_words():
    tokens = torch.arange(1, 41).expand(50, 40)
    texts = ["one word", "a word more", "one more", "two of them"] * 5
    ssl = MSN(modality=Text(), max_epochs=0, **TINY_TRANSFORMER).fit(texts)
    first, second = ssl.views_.draw(tokens, 2, generator=torch.Generator().manual_seed(0))
    assert first.shape == second.shape == tokens.shape
    assert ((first == second) & (first > 0)).any(dim=1).all()
    assert 0.4 < (first > 0).float().mean() < 0.6


@pytest.mark.parametrize("method", RECONSTRUCTING)
def test_training_gets_well_below_the_mean(method):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(300, 1))
    table = np.hstack([base, -base, 2 * base, base + 1]) + 0.01 * rng.normal(size=(300, 4))
    ssl = method(max_epochs=80, learning_rate=0.005, **TINY_TRANSFORMER).fit(table)
    assert ssl.history_[0]["relative_error"] > 0.8
    assert ssl.history_[-1]["relative_error"] < 0.4
    assert ssl.score(table) > 0.6
    assert ssl.score(table) == ssl.score(table)


def test_series_of_other_lengths_are_embedded():
    X = waves(30)
    ssl = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(X[:, None])
    assert ssl.transform(X[:, None, :31]).shape == ssl.transform(X[:, None]).shape
    learned = ssl.set_params(positions="learned").fit(X[:, None, :31])
    with pytest.raises(ValueError, match=r"31 tokens|positions were learned for"):
        learned.transform(X[:, None])


def test_encoders_are_passed_on():
    first = SimMIM(max_epochs=1, **TINY_TRANSFORMER).fit(DIGITS)
    encoder = first.encoder_.encoder
    assert isinstance(encoder, TokenEncoder)
    second = MaskedAutoencoder(encoder=encoder, max_epochs=0, device="cpu").fit(DIGITS)
    samples = first.modality_.prepare(DIGITS)
    with torch.no_grad():
        Z, with_patches = (method.encoder_.columns(samples).numpy() for method in (second, first))
    np.testing.assert_array_equal(Z, with_patches[:, -Z.shape[1] :])


def test_a_teacher_that_says_the_same_of_all_is_noticed():
    ssl = Data2Vec(max_epochs=60, learning_rate=0.001, **TINY_TRANSFORMER)
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
        MaskedAutoencoder(**TINY_TRANSFORMER | params).fit(X)


def test_bad_masks_and_horizons():
    images = MaskedAutoencoder(max_epochs=0, **TINY_TRANSFORMER).fit(DIGITS)
    with pytest.raises(ValueError, match=r"\(300, 8, 8\), got shape \(300, 8\)"):
        images.reconstruct(DIGITS, np.zeros((300, 8), dtype=bool))
    with pytest.raises(ValueError, match="dtype float64"):
        images.reconstruct(DIGITS, np.zeros((300, 8, 8)))
    with pytest.raises(ValueError, match=r"nothing is in samples of Images\(\)\. Pass a mask"):
        images.reconstruct(DIGITS)
    with pytest.raises(ValueError, match="mask='noise' must be 'random', None or an array"):
        images.reconstruct(DIGITS, "noise")
    holes = np.where(DIGITS == 0, np.nan, DIGITS)
    with pytest.raises(ValueError, match=r"reconstruct\(np.nan_to_num\(X\), np.isnan\(X\)\)"):
        images.reconstruct(holes)
    with pytest.raises(ValueError, match=r"impute has no meaning .*Images.*with Tabular\. rec"):
        images.impute(DIGITS)
    with pytest.raises(ValueError, match=r"forecast has no meaning .*works with Series"):
        images.forecast(DIGITS, 3)
    clouds = MaskedAutoencoder(modality=PointCloud(), max_epochs=0, **TINY_TRANSFORMER)
    clouds.fit(CLOUDS)
    with pytest.raises(ValueError, match=r"impute has no meaning .*works with Tabular\.$"):
        clouds.impute(CLOUDS)
    with pytest.raises(ValueError, match="reconstruct has no meaning .*Images, Series, Tabular, V"):
        clouds.reconstruct(CLOUDS)
    series = MaskedAutoencoder(modality=Series(), max_epochs=0, **TINY_TRANSFORMER).fit(
        DIGITS[:, 0]
    )
    for horizon in (0, 1.5, True):
        with pytest.raises(
            ValueError, match=f"horizon must be an int of at least 1, got {horizon}"
        ):
            series.forecast(DIGITS[:, 0], horizon)
    relative = MaskedAutoencoder(max_epochs=0, normalize_patches=True, **TINY_TRANSFORMER).fit(
        DIGITS
    )
    with pytest.raises(ValueError, match="needs normalize_patches=False"):
        relative.reconstruct(DIGITS)
    with pytest.raises(ValueError, match="'method' parameter of SelfSupervisedImputer"):
        SelfSupervisedImputer(method=SimCLR()).fit(DIGITS[:, 0])
