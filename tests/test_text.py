"""Texts: what is accepted, tokens, empty texts, views and encoders."""

import copy
import pickle
import re
import tracemalloc
import unicodedata

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from cases import tiny_text
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from torch import nn

from skssl import SimCLR
from skssl.modality import Tabular, Text, infer_modality
from skssl.nn import BagEncoder
from skssl.views import TextViews, drop_tokens, split_tokens

TEXTS = [
    "Rain and wind, then more rain.",
    "Wind and sun, a little rain",
    "The cats chase the dogs",
    "Dogs that chase cats",
    "",
    "sun",
]
CHINESE = ["今天下雨刮风", "今天出太阳没有风", "猫追狗", "狗追猫追得很快", "明天下雨"] * 3


def tiny(**params):
    settings = {"encoder": tiny_text, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


def fitted(X, **params):
    modality = Text(**{"concat_input": False, **params})
    return modality.fit(modality.check(X, estimator="test"))


def prepared(X, **params):
    modality = fitted(X, **params)
    return modality.prepare(modality.check(X, estimator="test"))


def seeded():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("analyzer", ["word", "char_wb"])
def test_the_memory_for_a_huge_text_is_bounded(analyzer):
    texts = ["rain and wind", "cats and dogs", "sun and rain", "dogs chase cats"] * 5
    ssl = tiny(modality=Text(analyzer=analyzer), max_epochs=0).fit(texts)
    unit = "wind and rain, "
    beginning = unit * (100_000 // len(unit) + 1)
    huge = beginning + "dogs " * 400_000
    tracemalloc.start()
    with pytest.warns(UserWarning, match=r"1 of 21 texts .*100,000 .*row 20 with 2,100,005"):
        Z = ssl.transform([*texts, huge])
    with pytest.warns(UserWarning, match="left out, also where tokens are learned"):
        tiny(modality=Text(analyzer=analyzer), max_epochs=0).fit([*texts, huge])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * len(beginning)
    np.testing.assert_allclose(Z[20:], ssl.transform([beginning[:100_000]]), rtol=1e-5, atol=1e-6)


def test_auto_rule():
    for X in (TEXTS, tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, dtype=object)):
        assert type(infer_modality(X)) is Text
    for X in (pd.Series(TEXTS), pl.Series(TEXTS), pd.DataFrame({"a": TEXTS})):
        assert type(infer_modality(X)) is Text
    assert type(infer_modality([None, "some", "words"])) is Text
    assert type(infer_modality(pd.DataFrame({"a": TEXTS, "b": TEXTS}))) is Tabular
    assert type(infer_modality(pd.DataFrame({"a": [1, 2]}))) is Tabular
    assert type(infer_modality(np.array([["a", "b"], ["c", "d"]]))) is Tabular


@pytest.mark.parametrize(
    "container",
    [
        tuple,
        np.array,
        lambda texts: np.array(texts, dtype=object),
        pd.Series,
        lambda texts: pd.Series(texts, index=[5] * len(texts), dtype=object),
        pl.Series,
        lambda texts: pd.DataFrame({"text": texts}),
        lambda texts: pl.DataFrame({"text": texts}),
    ],
)
def test_containers_of_the_same_texts(container):
    Z = tiny().fit(TEXTS).transform(TEXTS)
    ssl = tiny().fit(container(TEXTS))
    assert ssl.n_features_in_ == 1
    np.testing.assert_array_equal(ssl.transform(container(TEXTS)), Z)


def test_name_of_the_column():
    ssl = tiny().fit(pd.DataFrame({"text": TEXTS}))
    assert ssl.feature_names_in_.tolist() == ["text"]
    with pytest.raises(ValueError, match="feature names should match"):
        ssl.transform(pd.DataFrame({"title": TEXTS}))


def test_token_ids_by_hand():
    modality = fitted(TEXTS, min_df=2, max_df=3)
    assert modality.vocabulary_ == {
        token: place + 1
        for place, token in enumerate(["and", "cats", "chase", "dogs", "rain", "sun", "wind"])
    }
    new = modality.check([TEXTS[0], "", "Dogs, dogs! unheard-of sun"], estimator="test")
    tokens = modality.prepare(new)
    assert tokens.tolist() == [[5, 1, 7, 5], [0, 0, 0, 0], [4, 4, 6, 0]]
    vectorizer = TfidfVectorizer(vocabulary=sorted(modality.vocabulary_)).fit(TEXTS)
    np.testing.assert_allclose(modality.idf_, vectorizer.idf_)


def test_what_comes_after_max_length_is_cut():
    tokens = prepared(TEXTS, max_length=2)
    assert tokens.shape == (6, 2)
    assert torch.equal(tokens, prepared(TEXTS)[:, :2])


def test_vocabulary_is_limited():
    X = ["rain rain sun", "rain sun", "rain wind", "rain cats"]
    assert set(fitted(X, min_df=1, max_df=1.0).vocabulary_) == {"rain", "sun", "wind", "cats"}
    assert set(fitted(X, min_df=1, max_df=0.75).vocabulary_) == {"sun", "wind", "cats"}
    assert set(fitted(X, min_df=2, max_df=4).vocabulary_) == {"rain", "sun"}
    assert set(fitted(X, max_df=1.0, max_features=1).vocabulary_) == {"rain"}


def test_texts_are_split_once():
    seen = []

    def split(text):
        seen.append(text)
        return text.lower().split()

    ssl = tiny(modality=Text(analyzer=split, min_df=1, max_length=3)).fit(TEXTS)
    assert seen == TEXTS
    # Those of fit have the ids that they have as new texts.
    modality = ssl.modality_
    checked = modality.check(TEXTS, estimator="test")
    again = copy.copy(modality).fit(checked).prepare(checked)
    assert len(seen) == 2 * len(TEXTS)
    assert torch.equal(again, modality.prepare(modality.check(TEXTS, estimator="test")))
    assert len(seen) == 3 * len(TEXTS)


def test_own_analyzer_and_ngrams():
    modality = fitted(TEXTS, ngram_range=(1, 2))
    assert "wind and" not in modality.vocabulary_ and "chase" in modality.vocabulary_
    assert "wind and" in fitted(TEXTS * 2, ngram_range=(1, 2)).vocabulary_
    own = fitted(TEXTS, analyzer=CountVectorizer(stop_words=["and"]).build_analyzer())
    assert "and" not in own.vocabulary_
    assert "Wind" in fitted(TEXTS, analyzer=str.split, min_df=1).vocabulary_


def test_languages_without_spaces():
    modality = fitted(CHINESE)
    assert {"猫", "狗", "下雨"} <= set(modality.vocabulary_)
    assert (prepared(CHINESE) != 0).any(dim=1).all()
    assert np.isfinite(tiny().fit_transform(CHINESE)).all()
    with pytest.warns(UserWarning, match="9 of 15 texts of X have no token in the vocabulary"):
        fitted([f"{text}{row // 2}" for row, text in enumerate(CHINESE[:9])] + TEXTS, min_df=2)


@pytest.mark.parametrize(
    "words",
    [
        "दुनिया किताब हिन्दी मौसम",
        "పుస్తకం వర్షం సూర్యుడు చెట్టు",
        "புத்தகம் மழை சூரியன் காற்று",
        "বৃষ্টি আকাশ পৃথিবী",
        "שָׁלוֹם בְּרֵאשִׁית",
        "می\u200cخواهم کتاب\u200cها",
        unicodedata.normalize("NFD", "résumé forêt tempête"),
    ],
    ids=["Hindi", "Telugu", "Tamil", "Bengali", "points", "joiners", "accents"],
)
def test_marks_belong_to_words(words):
    modality = fitted([words] * 4 + ["something else"] * 4)
    assert set(words.split()) <= set(modality.vocabulary_)
    assert set(modality.vocabulary_) == {*words.split(), "something", "else"}


def test_words_without_marks_are_those_of_scikit_learn():
    text = "It's 3 o'clock: a naïve café_1 is open, 25% off! 北京 東京 ß x y²"
    ours = Text(analyzer="word")
    analyzer = ours.fit(ours.check([text] * 2 + ["no, nothing"] * 2, estimator="")).analyzer_
    assert analyzer(text) == CountVectorizer().build_analyzer()(text)


def test_lone_surrogates_are_no_characters():
    pytest.importorskip("tokenizers")
    texts = ["rain and wind", "fog\ud83d and sun", "wind \udc00", "rain and fog"] * 3
    ssl = tiny(modality=Text(analyzer="subword", max_df=1.0)).fit(texts)
    assert np.isfinite(ssl.transform(texts)).all()
    replaced = [re.sub("[\ud83d\udc00]", "\ufffd", text) for text in texts]
    np.testing.assert_array_equal(ssl.transform(replaced), ssl.transform(texts))
    assert np.isfinite(tiny(modality=Text(max_df=1.0)).fit_transform(texts)).all()


def test_subwords():
    X = [text for text in TEXTS if text] * 4
    modality = fitted(X, analyzer="subword")
    assert {"rain", "wind"} <= set(modality.vocabulary_)
    assert (prepared(X, analyzer="subword") != 0).any(dim=1).all()
    ssl = tiny(modality=Text(analyzer="subword")).fit(X)
    for copied in (pickle.loads(pickle.dumps(ssl)), copy.deepcopy(ssl)):
        np.testing.assert_array_equal(copied.transform(X), ssl.transform(X))


def test_subwords_without_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'skssl\[text\]'"):
        fitted(TEXTS, analyzer="subword")


@pytest.mark.parametrize("encoder", ["bag", "transformer"])
@pytest.mark.parametrize("views", ["auto", TextViews(span=3, dropout=0.5), TextViews(halves=False)])
def test_short_and_empty_texts(encoder, views):
    ssl = tiny(encoder=encoder, views=views, max_epochs=2).fit(TEXTS * 3)
    assert np.isfinite(ssl.loss_curve_).all()
    assert all(torch.isfinite(p).all() for p in ssl.encoder_.parameters())
    Z = ssl.transform(["", "   ", "unheard of", "sun"])
    assert np.isfinite(Z).all()
    np.testing.assert_allclose(Z[1:3], Z[[0, 0]], atol=1e-6)
    assert not np.allclose(Z[3], Z[0], atol=1e-3)


@pytest.mark.parametrize("encoder", ["bag", "transformer"])
def test_padding_does_not_change_an_embedding(encoder):
    ssl = tiny(encoder=encoder).fit(TEXTS * 3)
    together = ssl.transform([*TEXTS, " ".join(TEXTS)])[:-1]
    alone = np.concatenate([ssl.transform([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)
    tokens = ssl.modality_.prepare(ssl.modality_.check(TEXTS, estimator="test"))
    exported = torch.export.export(ssl.encoder_, (tokens,)).module()
    np.testing.assert_allclose(exported(tokens).detach(), together, rtol=1e-4, atol=1e-5)


def test_bag_is_a_weighted_sum_of_unit_length():
    with torch.random.fork_rng():
        encoder = BagEncoder(torch.tensor([1.0, 2.0, 3.0]), dim=4).eval()
    expected = encoder.weights[[2, 3, 3]] @ encoder.embeddings[[2, 3, 3]]
    torch.testing.assert_close(encoder.weights[1:], torch.tensor([0.2, 0.4, 0.6]))
    with torch.no_grad():
        Z = encoder(torch.tensor([[3, 0, 2, 3], [0, 0, 0, 0]]))
    torch.testing.assert_close(Z[0], expected / expected.norm())
    assert not Z[1].any()


def test_order_counts_for_the_transformer_only():
    X = ["rain then wind", "wind then rain"] * 4 + ["sun"] * 8
    for encoder, same in (("bag", True), ("transformer", False)):
        Z = tiny(encoder=encoder, max_epochs=0).fit_transform(X)
        assert np.allclose(Z[0], Z[1], atol=1e-6) is same


def test_own_encoder_gets_token_ids():
    seen = []

    class Spy(nn.EmbeddingBag):
        def forward(self, tokens):
            seen.append(tokens)
            return super().forward(tokens)

    ssl = tiny(encoder=Spy(50, 8, padding_idx=0)).fit(TEXTS)
    assert all(tokens.dtype == torch.int32 and tokens.ndim == 2 for tokens in seen)
    assert ssl.transform(TEXTS).shape == (6, 8)


def tokens_of(*lengths):
    """Texts of different tokens, so that each can be told from all others."""
    width = max(lengths)
    ids = torch.arange(1, width * len(lengths) + 1, dtype=torch.int32).view(-1, width)
    return ids * (torch.arange(width) < torch.tensor(lengths)[:, None])


@pytest.mark.parametrize("span", [1, 3, 50])
def test_halves_are_disjoint_and_nothing_is_lost(span):
    tokens = tokens_of(9, 8, 2, 5).repeat(50, 1)
    first, second = split_tokens(tokens, generator=seeded(), span=span)
    assert first.shape == second.shape == (200, 5)
    together = torch.cat([first, second], dim=1).sort(dim=1).values[:, 1:]
    assert torch.equal(together, tokens.sort(dim=1).values)
    counts = [(half != 0).sum(dim=1) for half in (first, second)]
    assert counts[0][:4].tolist() == [5, 4, 1, 3] and counts[1][:4].tolist() == [4, 4, 1, 2]
    for half in (first, second):  # tokens keep their order, with nothing between them
        steps = half.diff(dim=1)
        assert ((steps > 0) | (half[:, 1:] == 0)).all()
    assert len({tuple(row.tolist()) for row in first[::4]}) > (10 if span < 9 else 1)


def test_neighbours_stay_together():
    first, _ = split_tokens(tokens_of(100).repeat(20, 1), generator=seeded(), span=10)
    assert ((first.diff(dim=1) == 1).sum(dim=1) >= 40).all()


def test_texts_too_short_to_split():
    first, second = split_tokens(tokens_of(4, 1, 0), generator=seeded())
    assert torch.equal(first[1], second[1]) and first[1].tolist() == [5, 0]
    assert not first[2].any() and not second[2].any()


def test_dropped_tokens():
    tokens = tokens_of(10, 1, 0).repeat(500, 1)
    kept = drop_tokens(tokens, generator=seeded(), probability=0.3)
    assert ((kept == tokens) | (kept == 0)).all()
    assert (kept[::3] != 0).float().mean().item() == pytest.approx(0.7, abs=0.02)
    assert torch.equal(kept[1::3], tokens[1::3])
    most = drop_tokens(tokens, generator=seeded(), probability=0.999)
    assert ((most[::3] != 0).sum(dim=1) == 1).float().mean() > 0.95


def test_any_number_of_views():
    tokens = tokens_of(8, 6)
    assert torch.equal(TextViews(halves=False, dropout=0.0)(tokens, generator=seeded()), tokens)
    assert TextViews()(tokens, generator=seeded()).shape == (2, 4)
    three = TextViews().draw(tokens, 3, generator=seeded())
    assert len(three) == 3 and all(view.shape == (2, 4) for view in three)


def test_local_views_show_fewer_tokens_but_at_least_one():
    tokens = tokens_of(40, 2, 1, 0).repeat(500, 1)
    first, second = TextViews().local().draw(tokens, 2, generator=seeded())
    assert first.shape == second.shape == (2000, 20)
    counts = torch.stack([(view != 0).sum(dim=1) for view in (first, second)]).float()
    assert counts[:, ::4].mean().item() == pytest.approx(20 * 0.3, abs=0.3)
    assert (counts[:, ::4] >= 1).all()
    assert (counts[:, 1::4] == 1).all() and (counts[:, 2::4] == 1).all()
    assert not counts[:, 3::4].any()
    for one, other in zip(first[::4], second[::4], strict=True):
        assert not set(one[one > 0].tolist()) & set(other[other > 0].tolist())
    ordinary = TextViews().draw(tokens, 1, generator=seeded())[0][::4]
    assert (ordinary != 0).sum(dim=1).float().mean() > 1.8 * counts[:, ::4].mean()


def test_ranges_of_the_views_can_be_set():
    ssl = tiny().set_params(views__dropout=0.2, views__span=4).fit(TEXTS)
    assert ssl.views_.get_params() == {**TextViews().get_params(), "span": 4, "dropout": 0.2}


def test_prepared_texts_differ_in_length_from_call_to_call():
    ssl = tiny().fit(TEXTS)
    assert ssl.transform(["rain " * 30, "sun"]).shape == ssl.transform(["sun", ""]).shape


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (["rain", None, "sun"], "Row 1 of X is None of type NoneType, but a text must be a str"),
        ([np.nan, "rain"], "Row 0 of X is nan of type float"),
        (pd.Series(["rain", np.nan, "sun"]), "Row 1 of X is nan"),
        (pl.Series(["rain", None, "sun"]), "Row 1 of X is None"),
        (pd.DataFrame({"a": ["rain", pd.NA]}, dtype="string"), "Row 1 of X is <NA>"),
        (["rain", "sun", 7], "Row 2 of X is 7 of type int"),
        ([7, "rain"], "Row 0 of X is 7 of type int"),
        ([b"rain", b"sun"], "Row 0 of X is b'rain' of type bytes.*decode it first"),
        (np.array([b"rain", b"sun"]), "Row 0 of X is .*b'rain'.*decode it first"),
        ("rain and sun", "X is a single text, 'rain and sun'; pass a list of texts"),
        (["rain"], "X has 1 sample, and SimCLR needs at least 2"),
        (["", " ", "!"], "No token was found .* in X, 3 texts of which the first is ''"),
        (["rain", "sun", "wind", "fog"], "min_df=2 and max_df=0.5"),
        (["rain", "sun"], "min_df=2 and max_df=0.5"),
    ],
)
def test_bad_texts(X, message):
    with pytest.raises(ValueError, match=message):
        tiny().fit(X)


def test_gradients_of_the_bag_do_not_depend_on_threads():
    generator = seeded()
    encoder = BagEncoder(torch.rand(1000, generator=generator), dim=8)
    tokens = torch.randint(1, 1001, (1024, 64), generator=generator)

    def gradients():
        encoder.zero_grad()
        encoder(tokens).pow(3).sum().backward()
        return [p.grad.clone() for p in encoder.parameters() if p.grad is not None]

    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        first = gradients()
        for _ in range(5):
            for one, other in zip(first, gradients(), strict=True):
                assert torch.equal(one, other)
    finally:
        torch.set_num_threads(n_threads)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([["rain", "sun"], ["wind"]], r"X has shape \(2, 2\); texts are a sequence of str"),
        (np.array([["rain", "sun"]] * 3), r"X has shape \(3, 2\)"),
        (pd.DataFrame({"a": TEXTS, "b": TEXTS}), r"X has shape \(6, 2\).*one column"),
        ([], "X has 0 samples"),
        ([1.0, 2.0], "Row 0 of X is 1.0 of type float"),
    ],
)
def test_bad_texts_by_request(X, message):
    with pytest.raises(ValueError, match=message):
        tiny(modality=Text()).fit(X)


def test_bad_texts_at_transform_and_bad_parameters():
    ssl = tiny().fit(TEXTS)
    with pytest.raises(ValueError, match="Row 1 of X is None"):
        ssl.transform(["rain", None])
    for params in (
        {"analyzer": "words"},
        {"ngram_range": (2, 1)},
        {"min_df": 0},
        {"max_df": 1.5},
        {"max_features": 0},
        {"max_length": 0},
    ):
        (name,) = params
        with pytest.raises(ValueError, match=name):
            tiny(modality=Text(**params)).fit(TEXTS)
    for name, value in (("dropout", 1.0), ("span", 0), ("halves", "some")):
        with pytest.raises(ValueError, match=name):
            tiny(views=TextViews(**{name: value})).fit(TEXTS)
    with pytest.raises(ValueError, match="encoder='bags'.*'bag'"):
        tiny(encoder="bags").fit(TEXTS)


def test_input_tags():
    tags = SimCLR(modality=Text()).__sklearn_tags__().input_tags
    assert tags.one_d_array and tags.string and not tags.two_d_array and not tags.allow_nan
    tags = SimCLR(modality=Tabular()).__sklearn_tags__().input_tags
    assert tags.two_d_array and not tags.string
