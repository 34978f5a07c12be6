"""Texts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self, cast

import numpy as np
import torch
from sklearn.utils import InputTags, check_array
from torch import Tensor, nn

from skssl._declare import AUTO, POSITIVE_INT, SHARE_OF_ROWS, Range, StrOptions, param, resolve_auto
from skssl._quote import quoted
from skssl._types import Auto, Samples
from skssl._warn import warn
from skssl.modality._analyzers import Subwords, UsualAnalyzer, usual_analyzer
from skssl.modality._base import Look, as_tensor, named_input, no_patches
from skssl.modality._capabilities import Cuttable, Tokenizable, Worded
from skssl.modality._containers import as_samples, only_column
from skssl.modality._corpus import Analyzer, Corpus, padded, word_pattern
from skssl.modality._doubts import doubts_of_text
from skssl.modality._networks import TextNetwork, read_network
from skssl.modality._spans import TokenCutter
from skssl.modality._terms import COUNTS, Terms, learn_pairs
from skssl.modality._vectors import KnownVectors, Vectors, read_vectors
from skssl.nn import (
    BagEncoder,
    LatentSemantics,
    TakeTokens,
    TextTokens,
    TextTransformer,
    Tokenizer,
    Weights,
)
from skssl.views import TextViews, Views

# Characters of a text that are looked at, which bounds the memory for its tokens: so many, or so
# many for each token that may be kept, if that is more.
_MOST_CHARACTERS, _CHARACTERS_PER_TOKEN = 100_000, 300
# Different terms of a text that are described, for each token that may be kept.
_TERMS_PER_TOKEN = 8

# Parameters that tokens depend on.
_OF_TOKENS = ("analyzer", "ngram_range", "min_df", "max_df", "max_features", "max_length")

# Of the training texts, how many may be without any known token before a warning says so.
_MAX_WITHOUT_TOKENS = 0.1


class Text(Cuttable, Tokenizable, Worded):
    """Texts in any language: a sequence of str, such as a list, an array or a DataFrame column.

    A text becomes a row of token ids. Tokens are words, character n-grams, or subwords that the
    `tokenizers` library learns from the training texts; only those that are neither rare nor in
    most of the training texts have an id. What has none is left out, and so is what comes after
    the first `max_length` tokens of a text. In texts with more than 100,000 characters, or 300 for
    each token of `max_length` if that is more, the rest is left out, with a warning. All texts of
    which nothing is left, such as empty ones, have the same finite embedding. Missing texts are an
    error, since nothing is imputed; pass an empty str if that is what is meant.

    With ``modality="auto"``, a sequence of str is texts, and so is a DataFrame or an array of one
    column that holds str, unless its dtype says that these are categories. Strings that are
    repeated so often that they may be some get a warning.

    Parameters
    ----------
    analyzer : {"auto", "word", "char", "char_wb", "subword"} or callable, default="auto"
        What the tokens are. "word", "char" and "char_wb" are those of scikit-learn's
        ``CountVectorizer``: words of two or more letters or digits in lower case, and character
        n-grams, across words or within them. Unlike there, vowel signs and accents that stand apart
        from their letter belong to a word. "subword" learns byte-pair encoding from the training
        texts and needs the extra ``skssl[text]``. "auto" is "word", or "char_wb" where more than
        half of the letters belong to scripts without spaces between words (Chinese, Japanese,
        Thai, Lao, Tibetan, Burmese, Khmer). A callable gets a text and returns a list of tokens,
        such as ``CountVectorizer(...).build_analyzer()``.
    ngram_range : "auto" or tuple of two ints, default="auto"
        Shortest and longest n-grams, of words or characters. "auto" is (1, 1) for words and
        (1, 2) for characters. Has no meaning for subwords and callables.
    min_df : int or float, default=2
        Texts in which a token must be to be known, a number or a fraction.
    max_df : int or float, default=0.5
        Texts in which a known token may be at most, a number or a fraction.
    max_features : int, default=20000
        Largest number of known tokens; the most frequent ones are kept.
    max_length : int, default=256
        Largest number of known tokens in a text. What follows is cut off.
    vectors : tuple, dict or Path, default=None
        Word vectors that others have learned, from which the default encoder ("bag") starts, with
        as many columns as they have numbers: a pair (words, matrix); a dict from words to vectors;
        the path of a text file with a word and its numbers on each line, as of GloVe and word2vec;
        or that of a folder with a model of model2vec, for which there is
        ``pip install 'skssl[text]'``. A path is a ``pathlib.Path``. Tokens of the texts that have a
        vector are known even if they are rarer than `min_df`, and so are, as far as `max_features`
        allows, the first other words, which may come in later texts. Where a word has none as it
        is written, that of the first one which it is in lower case is taken. Tokens without a
        vector are learned from the start. Has no meaning for other encoders.
    concat_input : bool or "auto", default="auto"
        Whether the embedding has, before what was learned, up to 200 singular components of the
        weights of the known tokens and of pairs of neighbouring ones (LSA), of all of a text, or of
        its 8 times `max_length` most frequent terms. They know what training loses where texts are
        long and the classes are not their subjects, such as opinions. "auto" is True beside the
        default encoder. Views, scores of views, and fine-tuning have to do with what was learned
        alone.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        The id of each known token, from 1; 0 marks what is not a token.
    idf_ : ndarray of shape (n_tokens,)
        Inverse document frequency of the known tokens in the order of their ids, smoothed as by
        ``TfidfTransformer``.
    analyzer_ : callable
        What splits a text into tokens.
    analyzer_overlaps_ : bool
        Whether one letter may be in several tokens, so that a text cannot be written from them.

    Examples
    --------
    >>> from skssl import SimCLR
    >>> from skssl.modality import Text
    >>> X = ["rain and wind", "wind and sun", "cats and dogs", "dogs chase cats", ""] * 10
    >>> ssl = SimCLR(max_epochs=1, random_state=0).fit(X)
    >>> ssl.transform(["wind and rain", "dogs"]).shape
    (2, 264)
    >>> sorted(ssl.modality_.vocabulary_)
    ['cats', 'chase', 'dogs', 'rain', 'sun', 'wind']

    Words that others have learned the meaning of, here in a table of two columns:

    >>> vectors = {"rain": [0.9, 0.1], "snow": [0.8, 0.1], "cats": [0.1, 0.9]}
    >>> text = Text(vectors=vectors, concat_input=False)
    >>> ssl = SimCLR(modality=text, max_epochs=0, random_state=0).fit(X)
    >>> rain, snow = ssl.transform(["rain", "snow"])
    >>> bool(rain @ snow > 0.99 * (rain @ rain * (snow @ snow)) ** 0.5)
    True

    With the ``encoder_`` of a fitted method, or the path of its file, as the encoder of another
    one, tokens stay what they are: the vocabulary, its ids and all parameters that they depend on
    are those of the first method.

    >>> first = SimCLR(encoder="bag", max_epochs=0, random_state=0).fit(X)
    >>> then = SimCLR(encoder=first.encoder_, max_epochs=0).fit(["cats and rain", "new dogs"])
    >>> then.modality_.vocabulary_ == first.modality_.vocabulary_
    True
    """

    views_class = TextViews
    varying_axes = (-1,)
    concatenates = True
    hubs = ("sentence-transformers", "transformers")

    # What is known of the network by others that the samples are for, if they are.
    _network = cast("TextNetwork | None", None)
    # Whether tokens are those of a method whose encoder goes on.
    _goes_on = False

    analyzer: str | Analyzer = param(
        StrOptions({"auto", "word", "char", "char_wb", "subword"}), callable, default="auto"
    )
    ngram_range: Auto[tuple[int, int]] = param(AUTO, Range(POSITIVE_INT), default="auto")
    min_df: int | float = param(POSITIVE_INT, SHARE_OF_ROWS, default=2)
    max_df: int | float = param(POSITIVE_INT, SHARE_OF_ROWS, default=0.5)
    max_features: int = param(POSITIVE_INT, default=20_000)
    max_length: int = param(POSITIVE_INT, default=256)
    vectors: Vectors | None = param(KnownVectors(), None, default=None)

    @classmethod
    def recognizes(cls, look: Look) -> bool:
        return look.has_text

    @classmethod
    def doubts(cls, look: Look, X: Samples) -> str | None:
        if len(look.shape) == 2:
            return doubts_of_text(_column(X))
        if look.few and all(isinstance(text, str) and os.path.isfile(text) for text in look.few):
            return (
                f"its strings are the names of files that exist, such as {quoted(look.few[0])}, "
                "without an ending of image files. If they are images, pass modality=Images()"
            )
        return None

    def set_input_tags(self, tags: InputTags) -> None:
        tags.one_d_array = True
        tags.two_d_array = False
        tags.string = True

    def n_features(self, samples: Tensor) -> int:
        return 1

    def check(self, X: Samples, *, estimator: str, min_samples: int = 1) -> Corpus:
        self.check_parameters()
        texts = _column(X)
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                hint = (
                    "decode it first, or if it is the file of an image, pass "
                    "PIL.Image.open(io.BytesIO(...)) of it"
                    if isinstance(text, bytes)
                    else "'' is an empty text"
                )
                raise ValueError(
                    f"Row {row} of X is {quoted(text)} of type {type(text).__name__}, but a text "
                    f"must be a str; {hint}."
                )
        with named_input(estimator):
            checked = check_array(
                np.array(self._beginnings(cast(list[str], texts)), dtype=object),
                dtype=None,
                ensure_2d=False,
                ensure_all_finite=False,
                ensure_min_samples=min_samples,
                estimator=estimator,
                input_name="X",
            )
        return Corpus(checked)

    def _beginnings(self, texts: list[str]) -> list[str]:
        """Return what is looked at of texts: all but the end of very long ones."""
        most = max(_MOST_CHARACTERS, _CHARACTERS_PER_TOKEN * self.max_length)
        longer = [row for row, text in enumerate(texts) if len(text) > most]
        if not longer:
            return texts
        warn(
            f"{len(longer)} of {len(texts)} texts of X have more than {most:,} characters, such as "
            f"that in row {longer[0]} with {len(texts[longer[0]]):,}. What follows is left out, "
            f"also where tokens are learned; an embedding has max_length={self.max_length} tokens. "
            "Cut long texts into pieces to have all of them embedded."
        )
        return [text[:most] for text in texts]

    def expect_encoder(self, name: str) -> None:
        hub, slash, _ = name.partition("/")
        is_known = bool(slash) and hub in self.hubs
        if self.vectors is not None and name not in ("auto", "bag"):
            raise ValueError(
                "vectors are what encoder='bag' starts from, which is also 'auto', and "
                f"encoder={name!r} has no use for them; leave one of the two out."
            )
        self._network = read_network(name) if is_known else None
        self._goes_on = False

    def go_on_from(self, prepare: nn.Module) -> None:
        known = getattr(prepare, "tokens", None)
        if not isinstance(known, _KnownTokens):
            raise ValueError(
                "encoder is that of a fitted method which does not say what its tokens are, such "
                "as one that was not trained on texts; pass the encoder_ of one that was."
            )
        for name, setting in known.settings.items():
            own = getattr(self, name)
            if own != setting and own != getattr(type(self)(), name):
                raise ValueError(
                    f"{name}={quoted(own)}, but tokens are those of the method whose encoder goes "
                    f"on, which had {name}={quoted(setting)}; leave it out."
                )
            setattr(self, name, setting)
        if self.vectors is not None and not known.had_vectors:
            raise ValueError(
                "vectors are what a new encoder='bag' starts from, and the encoder of a fitted "
                "method has no use for them; leave one of the two out."
            )
        self.analyzer_ = known.analyzer
        self.analyzer_overlaps_ = known.overlaps
        self.vocabulary_ = known.vocabulary
        self.idf_ = known.idf
        self._network = known.network
        self._vectors: np.ndarray | None = None
        self._goes_on = True

    def fit(self, X: Corpus) -> Self:
        from sklearn.feature_extraction.text import CountVectorizer

        if self._goes_on:
            return self._fit_rest(*X.ids(self.analyzer_, self.vocabulary_), X)
        if self._network is not None:
            return self._fit_pieces(X, self._network)
        self.analyzer_ = self._make_analyzer(X.texts)
        vectorizer = CountVectorizer(
            analyzer=_as_is, min_df=self.min_df, max_df=self.max_df, max_features=self.max_features
        )
        try:
            counts = vectorizer.fit_transform(X.split(self.analyzer_))
        except ValueError as error:
            raise ValueError(
                f"No token was found to know texts by in X, {len(X)} texts of which the first is "
                f"{X.texts[0][:50]!r}, with analyzer={self.analyzer!r}, min_df={self.min_df!r} and "
                f"max_df={self.max_df!r}: {error}"
            ) from error
        self.vocabulary_ = {
            token: int(place) + 1 for token, place in vectorizer.vocabulary_.items()
        }
        document_frequency = counts.getnnz(axis=0)
        self.idf_ = np.log((1 + len(X)) / (1 + document_frequency)) + 1
        self._vectors = None if self.vectors is None else self._start_from(self.vectors, X)
        return self._fit_rest(*X.ids(self.analyzer_, self.vocabulary_), X)

    def _fit_rest(self, rows: np.ndarray, ids: np.ndarray, X: Corpus) -> Self:
        """Look at the tokens of texts, once it is known which there are."""
        without = len(X) - len(np.unique(rows[ids > 0]))
        blank = sum(not text.strip() for text in X.texts)
        if without - blank > _MAX_WITHOUT_TOKENS * len(X):
            advice = (
                "It is that of the method whose encoder goes on; one that is trained anew may suit "
                "them."
                if self._goes_on
                else "Another analyzer, such as Text(analyzer='char_wb'), or a smaller min_df may "
                "suit them."
            )
            warn(
                f"{without - blank} of {len(X)} texts of X have no token in the vocabulary, so "
                f"that they all have the same embedding. {advice}"
            )
        if self.has_description():
            # Tokens that overlap are no neighbours.
            most = 0 if self.analyzer_overlaps_ else self.max_features
            self._pairs = learn_pairs(rows, ids, len(self.idf_), most=most)
        return self

    def _fit_pieces(self, X: Corpus, network: TextNetwork) -> Self:
        """Take the tokens of a network by others, all of which are known."""
        self.analyzer_ = Subwords.of(network.tokenizer)
        self.analyzer_overlaps_ = False
        pieces = self.analyzer_.tokenizer.get_vocab()
        self.vocabulary_ = {piece: place + 1 for piece, place in pieces.items()}
        self._vectors = None
        rows, ids = X.ids(self.analyzer_, self.vocabulary_)
        if not len(ids):
            raise ValueError(
                f"X has {len(X)} texts without any token, such as {X.texts[0][:50]!r}."
            )
        n_tokens = max(self.vocabulary_.values())
        of_texts = np.unique(rows.astype(np.int64) * (n_tokens + 1) + ids) % (n_tokens + 1)
        frequency = np.bincount(of_texts, minlength=n_tokens + 1)[1:]
        self.idf_ = np.log((1 + len(X)) / (1 + frequency)) + 1
        if self.has_description():
            self._pairs = learn_pairs(rows, ids, n_tokens, most=self.max_features)
        return self

    def _most_tokens(self) -> int:
        """Return how many tokens of a text are looked at."""
        if self._network is None:
            return self.max_length
        return min(self.max_length, self._network.max_length)

    def _start_from(self, vectors: Vectors, X: Corpus) -> np.ndarray:
        """Know words that have a vector as well; return the vectors of all, zeros where unknown."""
        frequency = X.document_frequency()
        room = max(0, self.max_features - len(self.vocabulary_))
        found = read_vectors(
            vectors, frequency, most=room, usable=lambda word: list(self.analyzer_(word)) == [word]
        )
        shared = self.vocabulary_.keys() & found.keys()
        if not shared:
            raise ValueError(
                f"vectors has none of the {len(self.vocabulary_)} known words of X, such as "
                f"{quoted(next(iter(self.vocabulary_)))}, of which some were to be expected; "
                f"analyzer={self.analyzer!r} splits texts into what it calls words."
            )
        most = self.max_df if isinstance(self.max_df, Integral) else self.max_df * len(X)
        more = [
            word
            for word in found
            if word not in self.vocabulary_ and frequency.get(word, 0) <= most
        ]
        # Those of the texts first, the others in their order.
        more = sorted(more, key=lambda word: -frequency.get(word, 0))[:room]
        self.vocabulary_ |= {word: len(self.vocabulary_) + i for i, word in enumerate(more, 1)}
        rare = np.array([frequency.get(word, 0) for word in more])
        self.idf_ = np.concatenate([self.idf_, np.log((1 + len(X)) / (1 + rare)) + 1])
        matrix = np.zeros((len(self.vocabulary_), len(found[min(shared)])), dtype=np.float32)
        for word in shared.union(more):
            matrix[self.vocabulary_[word] - 1] = found[word]
        return matrix

    def _most_terms(self) -> int:
        """Return how many terms of a text are described, which bounds the memory for all."""
        return _TERMS_PER_TOKEN * self.max_length

    def _terms(self) -> Terms:
        return Terms(len(self.idf_), self._pairs)

    def _make_analyzer(self, texts: np.ndarray) -> Analyzer:
        """Return what splits a text into tokens, learned from some where it has to be."""
        self.analyzer_overlaps_ = False
        if callable(self.analyzer):
            return self.analyzer
        if self.analyzer == "subword":
            return Subwords(texts, self.max_features)
        kind = usual_analyzer(texts) if self.analyzer == "auto" else self.analyzer
        usual = (1, 1) if kind == "word" else (1, 2)
        shortest, longest = resolve_auto(self.ngram_range, usual)
        self.analyzer_overlaps_ = kind != "word" or longest > 1
        return UsualAnalyzer(kind, (shortest, longest))

    def preparation(self) -> dict[str, object]:
        told: dict[str, object] = {"analyzer": "a function, which is not told here"}
        if isinstance(self.analyzer_, UsualAnalyzer):
            told = {
                "analyzer": self.analyzer_.kind,
                "ngram_range": self.analyzer_.ngram_range,
                "lowercase": True,
                "token_pattern": word_pattern(),
            }
        elif isinstance(self.analyzer_, Subwords):
            told = {"analyzer": "subword", "tokenizer": self.analyzer_.tokenizer.to_str()}
        length = self._most_tokens()
        known = {"vocabulary": self.vocabulary_, "max_length": length, "padding": 0}
        terms = {}
        if self.has_description():
            most = self._most_terms()
            terms = {"pairs": self._terms().pairs(), "counts": COUNTS, "most_terms": most}
        return {"dtype": "int32"} | told | known | terms

    def prepare(self, X: Corpus) -> Tensor:
        rows, ids = X.ids(self.analyzer_, self.vocabulary_)
        known = ids > 0
        tokens = padded(rows[known], ids[known], len(X), most=self._most_tokens())
        if not self.has_description():
            return as_tensor(tokens)
        # Rows of one width: the tokens, and in two more rows, one after the other, the terms.
        codes = self._terms().codes(rows, ids, len(X), most=self._most_terms())
        width = max(tokens.shape[1], -(-codes.shape[1] // 2))
        samples = np.zeros((len(X), 3, width), dtype=np.int32)
        samples[:, 0, : tokens.shape[1]] = tokens
        samples[:, 1:].reshape(len(X), -1)[:, : codes.shape[1]] = codes
        return as_tensor(samples)

    def input_layer(self) -> nn.Module:
        most = self._most_tokens()
        layer = TakeTokens(most) if self.has_description() else nn.Identity()
        # An encoder that goes on needs the ids which it was trained with.
        vars(layer)["tokens"] = _KnownTokens(
            self.analyzer_,
            self.analyzer_overlaps_,
            self.vocabulary_,
            self.idf_,
            self._network,
            {name: getattr(self, name) for name in _OF_TOKENS},
            self.vectors is not None,
        )
        return layer

    def describe(self, samples: Tensor | None, views: Views | None = None) -> nn.Module | None:
        if not self.has_description():
            return None
        if samples is None:
            return LatentSemantics(torch.zeros(1), torch.zeros(1, 1), base=COUNTS)
        return LatentSemantics.learn(samples, len(self._terms()), base=COUNTS)

    def description_names(self, size: int) -> list[str]:
        return [f"lsa{index}" for index in range(size)]

    def cutter(self, grid: int | None = None) -> TokenCutter:
        return TokenCutter((grid or 2) ** 2)

    def restore(self, samples: Tensor, X: Samples) -> Samples:
        if self.analyzer_overlaps_:
            raise ValueError(
                f"Texts cannot be written from the tokens of analyzer={self.analyzer!r} with "
                f"ngram_range={self.ngram_range!r}, which overlap. Words, subwords and tokens of "
                "a callable can be put back together."
            )
        tokens = {place: token for token, place in self.vocabulary_.items()}
        texts = [" ".join(tokens[place] for place in row if place) for row in samples.tolist()]
        X = as_samples(X)
        return (
            np.array(texts, dtype=object).reshape(X.shape) if isinstance(X, np.ndarray) else texts
        )

    def tokenizer(self, samples: Tensor, *, patch_size: int | str, width: int) -> Tokenizer:
        no_patches(patch_size, "one token of the text")
        if self.vectors is not None:
            raise ValueError(
                "vectors are what encoder='bag' starts from, and the transformer of masked methods "
                "has no use for them. DenoisingAutoencoder predicts words with any encoder."
            )
        samples = self.input_layer()(samples)
        return TextTokens(samples, len(self.idf_), self.max_length, width=width)

    def n_tokens(self) -> int:
        return len(self.idf_)

    def noise(self) -> Views:
        return TextViews(halves=False, dropout=0.6)

    def encoder_names(self) -> list[str]:
        return ["bag", "transformer"]

    def build_encoder(self, name: str, samples: Tensor) -> nn.Module:
        if name == "transformer":
            return TextTransformer(len(self.idf_), self.max_length)
        start = None if self._vectors is None else torch.tensor(self._vectors)
        return BagEncoder(torch.tensor(self.idf_, dtype=torch.float32), start=start)

    def start_encoder(
        self, name: str, weights: Weights | None, samples: Tensor
    ) -> nn.Module | None:
        return None if self._network is None else self._network.build(name, weights)

    def default_views(self) -> Views:
        # Networks by others know words by their neighbours.
        return TextViews() if self._network is None else TextViews(span=8)


@dataclass(frozen=True, eq=False)
class _KnownTokens:
    """What tokens are, for an encoder that goes on."""

    analyzer: Analyzer
    overlaps: bool
    vocabulary: dict[str, int]
    idf: np.ndarray
    network: TextNetwork | None
    settings: dict[str, Any]
    had_vectors: bool

    def __deepcopy__(self, memo: object) -> Self:
        # Layers are copied often, and nothing changes what is known.
        return self


def _as_is(tokens: Sequence[str]) -> Sequence[str]:
    return tokens


def _column(X: Samples) -> list[object]:
    """Return the samples of a sequence, or of the only column of a DataFrame."""
    if isinstance(X, bytes):
        raise ValueError(f"X is a single text, {quoted(X)}; pass a list of texts.")
    X = as_samples(X)
    column = only_column(X)
    if column is not None:
        return list(as_samples(column))
    shape = Look.at(X).shape
    if len(shape) != 1:
        raise ValueError(
            f"X has shape {shape}; texts are a sequence of str, one for every sample, or a "
            "DataFrame of one column."
        )
    return list(X)
