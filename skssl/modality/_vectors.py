"""Word vectors that others have learned: from arrays, text files and folders of model2vec."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skssl._quote import quoted
from skssl._sklearn_compat import Options
from skssl.modality._containers import as_samples

Vectors = tuple[Any, Any] | Mapping[str, Any] | Path
# A word, and what returns its vector, since most of a large file are not asked for.
Entry = tuple[str, Callable[[], np.ndarray]]

_TABLE, _TOKENIZER = "model.safetensors", "tokenizer.json"
# How packed files begin.
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_NUMBER = rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"


class KnownVectors(Options):
    """Word vectors in one of the forms that :func:`read_vectors` takes."""

    def __init__(self) -> None:
        self.hidden = False

    def is_satisfied_by(self, val: object) -> bool:
        return isinstance(val, (Mapping, Path)) or (isinstance(val, tuple) and len(val) == 2)

    def __str__(self) -> str:
        return (
            "a pair (words, matrix), a dict from words to vectors, or a pathlib.Path of a text "
            "file or a folder of model2vec"
        )


def read_vectors(
    vectors: Vectors, wanted: Collection[str], *, most: int, usable: Callable[[str], bool]
) -> dict[str, np.ndarray]:
    """Return vectors by word: those that are wanted, then the first of the others.

    Parameters
    ----------
    vectors : tuple, Mapping or Path
        ``(words, matrix)``; vectors by word; a text file with a word and its numbers on each line,
        as of GloVe and word2vec; or a folder with a model of model2vec.
    wanted : collection of str
        Words whose vectors are returned, if there are any. A word that has none gets that of the
        first one which it is in lower case.
    most : int
        Largest number of words beside those that are wanted.
    usable : callable
        Whether a word may be among these.

    Returns
    -------
    dict of str to ndarray of shape (dim,), float32
        Finite.

    Raises
    ------
    ImportError
        Of a folder of model2vec, without the package `tokenizers`.
    ValueError
        If vectors differ in length, are not finite, or belong to the same word; if a file or a
        folder is not there or holds something else.
    """
    if not isinstance(vectors, Path):
        return _choose(_table(vectors), wanted, most, usable)
    if vectors.is_dir():
        return _choose(_of_pieces(vectors, wanted), wanted, most, usable)
    if not vectors.exists():
        raise ValueError(f"vectors={vectors!r}: there is no such file or folder.")
    return _choose(_lines(vectors), wanted, most, usable)


def _choose(
    entries: Iterable[Entry], wanted: Collection[str], most: int, usable: Callable[[str], bool]
) -> dict[str, np.ndarray]:
    """Go through all words with their vectors, and keep those that are asked for."""
    wanted = set(wanted)
    exact: dict[str, np.ndarray] = {}
    lower: dict[str, np.ndarray] = {}
    others: dict[str, np.ndarray] = {}
    for word, vector in entries:
        if word in exact or word in others:
            raise ValueError(f"vectors: the word {quoted(word)} has two of them.")
        if word in wanted:
            exact[word] = vector()
        elif word.lower() in wanted:
            lower.setdefault(word.lower(), vector())
        elif len(others) < most and usable(word):
            others[word] = vector()
    return lower | exact | others


def _table(vectors: tuple[Any, Any] | Mapping[str, Any]) -> Iterator[Entry]:
    """Go through vectors that are in memory."""
    if isinstance(vectors, Mapping):
        words, rows = list(vectors), list(vectors.values())
        shapes = list(map(np.shape, rows))
        other = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), None)
        if other is not None:
            raise ValueError(
                f"vectors differ in shape: {shapes[0]} is that of {quoted(words[0])}, "
                f"{shapes[other]} that of {quoted(words[other])}."
            )
    else:
        words, rows = (as_samples(part) for part in vectors)
        words = list(words)
    wrong = next((word for word in words if not isinstance(word, str)), None)
    if wrong is not None:
        raise ValueError(
            f"vectors: words must be str, got {quoted(wrong)} of type {type(wrong).__name__}; a "
            "pair is (words, matrix), in this order."
        )
    try:
        matrix = np.asarray(rows, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"vectors: the matrix must hold numbers, {error}.") from error
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise ValueError(
            f"vectors: the matrix must have a row for each word and a column at least, got shape "
            f"{matrix.shape} for {len(words)} words."
        )
    if len(matrix) != len(words):
        raise ValueError(f"vectors has {len(words)} words, but {len(matrix)} rows in its matrix.")
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(finite.argmin())
        raise ValueError(
            f"vectors: the vector of {quoted(words[row])}, row {row}, has NaN, infinity or a "
            "number too large for float32."
        )
    for row, word in enumerate(words):
        yield word, partial(matrix.__getitem__, row)


def _lines(path: Path) -> Iterator[Entry]:
    """Go through a text file of vectors, with or without a first line that tells how many."""
    dim, separator, before, blank, any_word = 0, b" ", "those before it have", 0, False
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            where = f"vectors={path.name!r}, line {number}"
            # Other separators than these may stand inside of words.
            line = raw.strip(b" \t\r\n")
            if number == 1:
                _refuse_packed(line, path)
                line = line.removeprefix(codecs.BOM_UTF8)
            if not line:
                # Harmless at the end of the file only.
                blank = blank or number
                continue
            if blank:
                raise ValueError(
                    f"vectors={path.name!r}, line {blank} must have a word and its numbers, but "
                    f"it is empty, and line {number} is not."
                )
            if number == 1 and re.fullmatch(rb"\d+\s+\d+", line):
                dim, before = int(line.split()[1]), "the first line says"
                if not dim:
                    raise ValueError(f"{where} says that vectors have 0 numbers: {quoted(line)}.")
                continue
            if not any_word:
                separator, any_word = b"\t" if b"\t" in line else b" ", True
            if separator == b" " and b"  " in line:
                line = re.sub(b" +", b" ", line)
            n_parts = line.count(separator) + 1
            dim = dim or n_parts - 1
            parts = line.rsplit(separator, dim)
            # A word may be a number, or end with anything else after a space.
            if len(parts) <= dim or not dim or _number_at_end(parts[0], separator):
                wanted = f"{dim} numbers, as {before}" if dim else "numbers"
                commas = dim < 2 and b"," in line
                raise ValueError(
                    f"{where} must have a word and {wanted}, with spaces or tabs between them, got "
                    f"{n_parts} part{'s' * (n_parts != 1)}: {quoted(line)}."
                    + " Pass tables with commas as a pair (words, matrix)."
                    * commas
                )
            try:
                word = parts[0].decode()
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{where} is no text in UTF-8. Write files of other encodings anew, and binary "
                    "files of word2vec as text, as gensim's save_word2vec_format(binary=False) "
                    "does."
                ) from error
            yield word, partial(_vector, word, parts[1:], where)
    if not any_word:
        raise ValueError(f"vectors={path.name!r} has no vectors in it.")


def _refuse_packed(line: bytes, path: Path) -> None:
    """Raise an error if a file begins as those of archives do."""
    kind = next((kind for start, kind in _PACKED.items() if line.startswith(start)), None)
    if kind is not None:
        raise ValueError(f"vectors={path.name!r} is packed ({kind}); unpack it first.")


def _number_at_end(word: bytes, separator: bytes) -> bool:
    """Whether what may be a word is more than a number and ends with one, so that it is none."""
    _, inside, last = word.rpartition(separator)
    return bool(inside) and re.fullmatch(_NUMBER, last) is not None


def _vector(word: str, parts: list[bytes], where: str) -> np.ndarray:
    """Return the numbers of a line."""
    try:
        vector = np.array(list(map(float, parts)), dtype=np.float64).astype(np.float32)
    except ValueError as error:
        raise ValueError(
            f"{where}: the vector of {quoted(word)} has no numbers: {error}."
        ) from error
    if not np.isfinite(vector).all():
        raise ValueError(
            f"{where}: the vector of {quoted(word)} has NaN, infinity or a number too large for "
            "float32."
        )
    return vector


def _of_pieces(folder: Path, wanted: Collection[str]) -> Iterator[Entry]:
    """Go through the words that are wanted, and then those that a model of model2vec has whole.

    The vector of a word is the sum of those of its pieces.
    """
    where = f"vectors={folder.name!r}"
    inside = folder / "0_StaticEmbedding"
    folder = inside if inside.is_dir() else folder
    for name in (_TABLE, _TOKENIZER):
        if not (folder / name).exists():
            raise ValueError(
                f"{where} is a folder without {name}; that of a model of model2vec has "
                f"{_TABLE} and {_TOKENIZER}."
            )
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ImportError(
            f"{where}, a folder of model2vec, needs the tokenizers library: "
            "pip install 'skssl[text]'."
        ) from error
    table, mapping = _pieces(folder / _TABLE, where)
    try:
        tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    except Exception as error:  # the library has no class of its own for this
        raise ValueError(f"{where}: {_TOKENIZER} is no tokenizer: {error}") from error
    vocabulary = tokenizer.get_vocab()
    if max(vocabulary.values(), default=-1) >= len(mapping):
        raise ValueError(
            f"{where}: the tokenizer has {len(vocabulary)} pieces, but there are vectors for "
            f"{len(mapping)}."
        )
    unknown = {vocabulary.get(piece) for piece in ("[UNK]", "<unk>")}
    whole = [piece.removeprefix("▁") for piece in sorted(vocabulary, key=vocabulary.__getitem__)]
    for word in dict.fromkeys([*wanted, *whole]):
        pieces = tokenizer.encode(word, add_special_tokens=False).ids
        if pieces and not unknown.intersection(pieces):
            yield word, partial(np.sum, table[mapping[pieces]], axis=0)


def _pieces(path: Path, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted vectors of pieces, and which of them each piece has."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{where}: {path.name} is no file of safetensors: {error}") from error
    name = next((name for name in ("embeddings", "embedding.weight") if name in tensors), None)
    if name is None or tensors[name].ndim != 2:
        raise ValueError(
            f"{where}: {path.name} has no matrix named 'embeddings', but {sorted(tensors)}. A "
            "folder of a whole network is for encoder=."
        )
    table = tensors[name].float().numpy()
    if not np.isfinite(table).all():
        raise ValueError(f"{where}: {path.name} has vectors that are not finite.")
    mapping = np.arange(len(table))
    if "mapping" in tensors:
        mapping = tensors["mapping"].long().numpy()
    if "weights" in tensors:
        # Of each piece, of which several may share a vector.
        table = table[mapping] * tensors["weights"].float().numpy()[:, None]
        mapping = np.arange(len(table))
    return table, mapping
