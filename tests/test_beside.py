"""What stands in the embedding beside what was learned, and how widely both spread."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler, normalize
from torch import nn

from skssl import SimCLR
from skssl.modality import Images, PointCloud, Series, Tabular, Text, Video
from skssl.nn import KernelComponents, PatchDictionary, RandomKernels
from skssl.testing import CASES
from skssl.views import ChangedViews

BY_NAME = {case.name: case for case in CASES}
WORDS = "rain wind sun cold heat storm cats dogs birds fish chase sleep the of and".split()


def quick(**params):
    return SimCLR(**{"max_epochs": 1, "device": "cpu", "random_state": 0, **params})


def texts(n, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(1, 40))) for _ in range(n)]


def described(ssl, X):
    checked = ssl.modality_.check(X, estimator="test")
    return ssl.encoder_.description(ssl.modality_.prepare(checked)).numpy()


def spread(Z):
    return float(np.sqrt(Z.var(axis=0, dtype=np.float64).sum()))


@pytest.mark.parametrize("max_length", [256, 12])
def test_texts_have_the_lsa_of_scikit_learn_of_all_of_a_text(max_length):
    X, new = texts(120), [*texts(20, seed=1), "", "none of these are known but wind"]
    modality = Text(max_df=1.0, min_df=2, max_length=max_length)
    ssl = quick(modality=modality, max_epochs=0).fit(X)
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    svd = TruncatedSVD(200, random_state=0)
    svd.set_params(n_components=min(40, len(words.fit(X).vocabulary_)))
    svd.fit(words.transform(X))
    expected = normalize(svd.transform(words.transform(new)))
    found = described(ssl, new)
    # Components may have the other sign.
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)
    assert not found[-2].any()
    assert ssl.get_feature_names_out()[0] == "lsa0"


def test_tokens_that_overlap_have_no_pairs():
    modality = Text(analyzer="char", max_df=1.0)
    modality.fit(modality.check(["abc", "abd", "abe"], estimator="test"))
    assert modality.preparation()["pairs"] == []


def test_memory_for_terms_is_bounded():
    modality = Text(max_df=1.0, min_df=1, max_length=2)
    words = [f"w{i}" for i in range(100)]
    X = [" ".join([*words, *words[:20]]), "w1 w2"]
    modality.fit(modality.check(X, estimator="test"))
    samples = modality.prepare(modality.check(X, estimator="test"))
    # The tokens, and 16 terms: those that are there most often.
    assert samples.shape == (2, 3, 8)
    terms = samples[0, 1:].flatten() // 64
    assert terms.tolist() == sorted(modality.vocabulary_[word] for word in words[:20])[:16]


def test_blocks_spread_as_widely_and_alone_as_together():
    X = texts(60)
    both = quick(modality=Text(max_df=1.0)).fit_transform(X)
    alone = quick(modality=Text(max_df=1.0, concat_input=False)).fit_transform(X)
    n_described = both.shape[1] - alone.shape[1]
    assert spread(both[:, :n_described]) == pytest.approx(spread(alone), rel=1e-4)
    # Nothing of the training knows of what stands beside it.
    np.testing.assert_array_equal(both[:, n_described:], alone)


class Scaled(nn.Flatten):
    """An encoder of one's own, with a scale of its own."""

    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, images):
        return self.scale * super().forward(images)


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_the_scale_of_an_encoder_does_not_matter(scale):
    Z = quick(encoder=Scaled(scale), max_epochs=0).fit_transform(BY_NAME["images"].few())
    assert spread(Z) == pytest.approx(4.0, rel=1e-3)


def test_what_hardly_spreads_is_not_blown_up():
    X = BY_NAME["images"].few()
    ssl = quick(encoder=Scaled(1e-3), max_epochs=0).fit(X)
    assert ssl.encoder_.scales.unique().tolist() == [8.0]
    # Nor where rows are centred, though it is rounding alone that sets a limit there.
    few = np.random.default_rng(0).random((50, 8, 8)).astype(np.float32)
    far = quick(modality=Images(concat_input=False), max_epochs=0).fit(few)
    rows = 1 + 1e-6 * torch.randn(50, 16, generator=torch.Generator().manual_seed(0))
    far.encoder_.spread_evenly(rows, [16])
    assert far.encoder_.scales.unique().item() == pytest.approx(100.0, rel=1e-3)


def test_random_weights_are_on_the_scale_of_trained_ones():
    X = load_digits().images[:200]
    Z = quick(max_epochs=0).fit_transform(X)
    assert spread(Z[:, :64]) == pytest.approx(2.0, rel=1e-3)
    assert spread(Z[:, 64:]) == pytest.approx(4.0, rel=1e-3)


@pytest.mark.parametrize("concat_input", [True, False])
def test_parts_of_the_embedding_of_images_have_rows_of_one_length(concat_input):
    X = load_digits().images[:300]
    ssl = quick(modality=Images(concat_input=concat_input)).fit(X[:200])
    n = ssl.n_learned()
    for model in (ssl, ssl.untrained(X)):
        Z, new = model.transform(X[:200]), model.transform(X[200:])
        with torch.no_grad():
            columns = model.encoder_.columns(model.modality_.prepare(X)) * model.encoder_.scales
        for part in [slice(-n, None), slice(0, -n)][: 1 + concat_input]:
            block = columns[:, part].numpy()
            assert spread(Z[:, part]) == pytest.approx(spread(block[:200]), rel=1e-3)
            lengths = np.linalg.norm(new[:, part], axis=1)
            np.testing.assert_allclose(lengths, np.median(lengths), rtol=1e-4)
            directions = normalize(block - block[:200].mean(axis=0))
            np.testing.assert_allclose(normalize(new[:, part]), directions[200:], atol=1e-4)


def test_images_like_their_mean_have_no_direction():
    X = np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)
    ssl = quick(max_epochs=0).fit(X)
    centre = ssl.encoder_.lengths[1].centre[None]
    rounded = centre * (1 + 1e-6)
    assert np.linalg.norm(ssl.encoder_.lengths[1](rounded).numpy()) < 1e-3
    with pytest.warns(UserWarning, match="nothing to learn"):
        same = quick().fit(np.repeat(X[:1], 20, axis=0))
    assert abs(same.transform(X[:1])).max() < 1e-3


def test_the_encoder_that_a_user_chose_keeps_its_angles():
    X = BY_NAME["images"].few()
    ssl = quick(encoder=Scaled(1.0), max_epochs=0).fit(X)
    columns = ssl.encoder_.columns(ssl.modality_.prepare(X)).detach().numpy()
    np.testing.assert_allclose(normalize(ssl.transform(X)), normalize(columns), rtol=1e-5)


@pytest.mark.parametrize("method", ["SimCLR", "own"])
def test_files_that_know_no_lengths_are_read_as_they_are(method, monkeypatch):
    X = BY_NAME["images"].few()
    encoder = "auto" if method == "SimCLR" else Scaled(1.0)
    with monkeypatch.context() as before:
        before.setattr(Images, "one_length", False)
        old = quick(encoder=encoder).fit(X)
    Z, start = old.transform(X), old.untrained(X).transform(X)
    state = old.__getstate__()
    state["_start_scales"] = state.pop("_start_scale")["scales"]
    del state["_one_length"]
    new = SimCLR.__new__(SimCLR)
    new.__setstate__(pickle.loads(pickle.dumps(state)))
    np.testing.assert_array_equal(new.transform(X), Z)
    np.testing.assert_array_equal(new.untrained(X).transform(X), start)


def test_the_spread_follows_what_is_learned():
    X = BY_NAME["images"].few()
    tower = nn.Sequential(nn.Flatten(), nn.Linear(X[0].size, 16), Scaled(100.0))
    ssl = quick(encoder=tower, learning_rate=0.1).fit(X)
    before = ssl.encoder_.scales[0]
    ssl.partial_fit(X).partial_fit(X)
    assert ssl.encoder_.scales[0] != before
    for one in (ssl, ssl.untrained(X)):
        assert spread(one.transform(X)) == pytest.approx(4.0, rel=1e-3)


def test_patches_of_images_are_whitened_components():
    X = (
        np.random.default_rng(0).random((200, 12, 12, 3))
        * np.linspace(0, 1, 200)[:, None, None, None]
    )
    ssl = quick(max_epochs=0).fit(X)
    D = described(ssl, X)
    assert D.shape == (200, 64)
    np.testing.assert_allclose(np.cov(D.T, ddof=0), np.eye(64), atol=0.02)
    # Every column has as much to say as one of what was learned.
    Z = ssl.transform(X)
    assert spread(Z[:, :64]) == pytest.approx(spread(Z[:, 64:]) / 2, rel=1e-3)
    np.testing.assert_allclose(ssl.transform(X[:1]), Z[:1], atol=1e-4)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("shape", [(1, 3, 3), (1, 40, 7), (4, 70, 64)])
def test_patches_of_images_of_any_size(shape, mirrored):
    images = torch.rand(9, *shape, generator=torch.Generator().manual_seed(0))
    told = PatchDictionary.learn(images, mirrored=mirrored)(images)
    assert len(told) == 9
    assert told.shape[1] <= 8
    assert told.isfinite().all()


def test_patches_of_mirror_images_are_the_same_where_views_mirror():
    X = np.random.default_rng(0).random((100, 12, 12, 3)).astype(np.float32)
    mirrored = X[:, :, ::-1]
    photos = quick(max_epochs=0).fit(X)
    # Places of patches are symmetric in images of this width.
    np.testing.assert_allclose(described(photos, mirrored), described(photos, X), atol=1e-4)
    assert abs(described(photos, X[:, ::-1]) - described(photos, X)).max() > 0.1
    # Where the direction counts, they tell it.
    signs = quick(max_epochs=0, views=ChangedViews(flip=0)).fit(X)
    assert abs(described(signs, mirrored) - described(signs, X)).max() > 0.1


def test_kinds_of_images_that_take_turns_are_all_looked_at():
    # Every third image is empty: a part of the rows that keeps the step would see nothing else.
    X = np.random.default_rng(0).uniform(size=(3000, 8, 8)).astype(np.float32)
    X[::3] = 0.5
    ssl = SimCLR(max_epochs=0, random_state=0).fit(X)
    patches = ssl.transform(X[1:50])[:, : -ssl.n_learned()]
    assert patches.shape[1] == 64
    assert (patches.std(axis=0) > 0.01).all()


def test_images_that_are_the_same_have_a_description_of_zeros():
    images = torch.full((5, 1, 8, 8), 0.5)
    for mirrored in (False, True):
        assert not PatchDictionary.learn(images, mirrored=mirrored)(images).any()


def test_series_beside_their_kernels():
    X = BY_NAME["series"].few()
    ssl = quick(max_epochs=0).fit(X)
    kernels = ssl.encoder_.description[1].kernels
    assert isinstance(kernels, RandomKernels)
    assert ssl.get_feature_names_out()[0] == "kernel0"
    alone = quick(modality=Series(concat_input=False), max_epochs=0).fit(X)
    np.testing.assert_array_equal(ssl.transform(X)[:, -ssl.n_learned() :], alone.transform(X))
    # The components are those of scikit-learn, up to their signs.
    samples, _ = ssl.prepare_samples(X)
    features = StandardScaler().fit_transform(kernels(ssl.modality_.input_layer()(samples)))
    expected = PCA(len(X) - 1).fit_transform(features)
    found = described(ssl, X)
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)


def test_series_of_one_form_have_a_description_of_zeros():
    series = torch.randn(1, 1, 30).expand(5, -1, -1)
    kernels = RandomKernels(series)
    assert not KernelComponents.learn(kernels, series)(series).any()


def test_names_of_the_columns_of_a_table():
    X = pd.DataFrame(
        {"age": [31.0, None, 55.0, 20.0] * 5, "job": ["cook", "nurse", None, "cook"] * 5}
    )
    ssl = quick(modality=Tabular(concat_input=True)).set_output(transform="pandas").fit(X)
    names = ["age", "age missing", "job missing", "job=cook", "job=nurse", "simclr0"]
    assert ssl.transform(X).columns[:6].tolist() == names


def test_an_encoder_that_was_chosen_stands_alone():
    X = BY_NAME["images"].few()
    conv = quick(encoder="conv", max_epochs=0).fit(X)
    assert conv.encoder_.description is None
    both = quick(encoder="conv", modality=Images(concat_input=True), max_epochs=0).fit(X)
    assert both.encoder_.description is not None


@pytest.mark.parametrize("modality", [PointCloud(concat_input=True), Video(concat_input=True)])
def test_modalities_without_a_description_say_which_have_one(modality):
    with pytest.raises(ValueError, match=r"concat_input=True: .* has no description .*Images"):
        quick(modality=modality).fit(np.zeros((4, 5, 6, 3)))


def test_images_of_many_channels_have_no_dictionary():
    X = np.random.default_rng(0).random((6, 8, 8, 20))
    assert quick(modality=Images(channels=20), max_epochs=0).fit(X).encoder_.description is None
    with pytest.raises(ValueError, match="up to 16 channels, but those of X have 20"):
        quick(modality=Images(channels=20, concat_input=True)).fit(X)
