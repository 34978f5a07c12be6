"""What splits texts into tokens: words and characters, and subwords that are learned."""

from __future__ import annotations

import re
from typing import Self

import numpy as np

from skssl.modality._corpus import word_pattern

# Thai, Lao, Tibetan, Burmese, Khmer, Japanese kana and Chinese characters.
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LETTER = re.compile(r"[^\W\d_]")


def usual_analyzer(texts: np.ndarray) -> str:
    """Return "word", or "char_wb" for languages that are written without spaces."""
    letters = sum(len(_LETTER.findall(text)) for text in texts)
    without_spaces = sum(len(_WITHOUT_SPACES.findall(text)) for text in texts)
    return "char_wb" if without_spaces > letters / 2 else "word"


class UsualAnalyzer:
    """Splits texts as ``CountVectorizer`` of scikit-learn does.

    Parameters
    ----------
    kind : {"word", "char", "char_wb"}
    ngram_range : tuple of two ints
    """

    def __init__(self, kind: str, ngram_range: tuple[int, int]):
        from sklearn.feature_extraction.text import CountVectorizer

        self.kind = kind
        self.ngram_range = ngram_range
        self._split = CountVectorizer(
            analyzer=kind, ngram_range=ngram_range, token_pattern=word_pattern()
        ).build_analyzer()

    def __call__(self, text: str) -> list[str]:
        tokens: list[str] = self._split(text)
        return tokens

    def __getstate__(self) -> dict[str, object]:
        return {"kind": self.kind, "ngram_range": self.ngram_range}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(**state)  # type: ignore[misc]


class Subwords:
    """Byte-pair encoding, learned from texts by the `tokenizers` library.

    Lone surrogates, which are no characters, become the replacement character U+FFFD.

    Parameters
    ----------
    texts : iterable of str
    size : int
        Largest number of subwords.
    """

    def __init__(self, texts: np.ndarray, size: int):
        try:
            from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
        except ImportError as error:
            raise ImportError(
                "analyzer='subword' needs the tokenizers library: pip install 'skssl[text]'."
            ) from error
        self.tokenizer = Tokenizer(models.BPE())
        self.tokenizer.normalizer = normalizers.Sequence(
            [normalizers.NFKC(), normalizers.Lowercase()]
        )
        self.tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        trainer = trainers.BpeTrainer(vocab_size=size, min_frequency=2, show_progress=False)
        self.tokenizer.train_from_iterator(map(_of_characters, texts), trainer)

    @classmethod
    def of(cls, tokenizer: str) -> Self:
        """Return a tokenizer that is known, in the JSON of the library."""
        known = object.__new__(cls)
        known.__setstate__({"tokenizer": tokenizer})
        return known

    def __call__(self, text: str) -> list[str]:
        return self.tokenizer.encode(_of_characters(text), add_special_tokens=False).tokens

    def __getstate__(self) -> dict[str, str]:
        return {"tokenizer": self.tokenizer.to_str()}

    def __setstate__(self, state: dict[str, str]) -> None:
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_str(state["tokenizer"])


def _of_characters(text: str) -> str:
    """Return a text that can be encoded, whatever bytes it was once decoded from."""
    return _SURROGATE.sub("\ufffd", text)
