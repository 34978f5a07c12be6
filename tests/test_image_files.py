"""Images in files, and PIL images and arrays of mixed sizes."""

import io
import os
import struct
import warnings

import numpy as np
import pandas as pd
import pytest
from cases import TINY_TRANSFORMER, tiny_conv
from PIL import Image
from PIL.PngImagePlugin import PngImageFile
from sklearn.base import clone

from skssl import Colorization, ContextEncoder, JigsawPuzzle, MaskedAutoencoder, SimCLR
from skssl.exceptions import ModalityWarning
from skssl.inspection import (
    EmbeddingDisplay,
    NeighborsDisplay,
    ViewsDisplay,
    classical_baselines,
    explore,
)
from skssl.modality import Images, Series, Text, infer_modality, readable_images
from skssl.semi_supervised import FineTuneClassifier
from skssl.views import ImageViews


def tiny(**params):
    settings = {"encoder": tiny_conv, "max_epochs": 1, "device": "cpu", "random_state": 0}
    return SimCLR(**{**settings, **params})


@pytest.fixture
def pictures(rng):
    """Colour images of mixed sizes."""
    sizes = [(20, 30), (31, 24), (16, 16), (40, 22), (18, 33), (25, 25)]
    return [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]


@pytest.fixture
def files(pictures, tmp_path):
    paths = []
    for index, picture in enumerate(pictures):
        paths.append(tmp_path / f"picture{index}.png")
        picture.save(paths[-1])
    return paths


def test_auto_rule(pictures, files, rng):
    for X in (pictures, files, [str(path) for path in files], np.array([str(p) for p in files])):
        assert type(infer_modality(X)) is Images
    frame = pd.DataFrame({"file": [str(path) for path in files]})
    assert type(infer_modality(frame)) is Images
    assert type(infer_modality([rng.normal(size=(2, n)) for n in (4, 5)])) is Series
    mixed = [rng.integers(0, 256, (n, 9, 3), dtype=np.uint8) for n in (4, 5)]
    assert type(infer_modality(mixed)) is Images


def test_files_and_images_in_memory_are_the_same(pictures, files):
    ssl = tiny(modality=Images(size=16)).fit(files)
    assert ssl.modality_.sample_shape_ == (3, 16, 16)
    Z = ssl.transform(files)
    one = ssl.transform([np.array(pictures[2])])
    np.testing.assert_allclose(one, Z[2:3], rtol=1e-4, atol=1e-6)
    names = [str(path) for path in files]
    arrays = [np.array(p) for p in pictures]
    for X in (pictures, arrays, names, np.array(names), pd.DataFrame({"file": names})):
        np.testing.assert_array_equal(ssl.transform(X), Z)
    first = tiny(modality=Images(size=16, layout="channels_first")).fit(files)
    np.testing.assert_array_equal(first.transform(files), Z)


def test_resizing_covers_and_cuts_out_the_middle():
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 255
    modality = Images(size=(10, 10))
    images, loaded = modality.load([Image.fromarray(wide)] * 2)
    assert loaded is None
    assert images.shape == (2, 10, 10)
    assert (images == 255).all()


def test_gray_if_all_are(pictures):
    gray = [picture.convert("L") for picture in pictures]
    assert tiny(modality=Images(size=8)).fit(gray).modality_.sample_shape_ == (1, 8, 8)
    mixed = tiny(modality=Images(size=8)).fit([*gray[:3], *pictures[3:]])
    assert mixed.modality_.sample_shape_ == (3, 8, 8)
    # What was seen in fit decides later on.
    assert np.isfinite(mixed.transform(gray)).all()
    assert tiny(modality=Images(size=8, channels=4)).fit(pictures).modality_.sample_shape_[0] == 4
    forced = tiny(modality=Images(size=8, channels=1)).fit(pictures)
    assert forced.modality_.sample_shape_ == (1, 8, 8)


def test_exif_orientation(tmp_path):
    picture = Image.new("L", (20, 10))
    exif = picture.getexif()
    exif[0x0112] = 6  # to be turned by a quarter
    picture.save(tmp_path / "turned.jpg", exif=exif)
    images, _ = Images().load([tmp_path / "turned.jpg"])
    assert images.shape == (1, 20, 10)


@pytest.fixture
def broken(files, tmp_path):
    (tmp_path / "broken.png").write_bytes(files[0].read_bytes()[:60])
    (tmp_path / "words.png").write_text("no image at all")
    return [
        files[0], tmp_path / "broken.png", *files[1:4], tmp_path / "missing.png",
        tmp_path / "words.png",
    ]  # fmt: skip


def test_broken_files_are_named(broken):
    with pytest.raises(ValueError, match="3 of 7 images could not be read: .*broken.png") as error:
        tiny(modality=Images(size=16)).fit(broken)
    assert "missing.png" in str(error.value) and "words.png" in str(error.value)


def test_broken_files_are_skipped(broken, files):
    ssl = tiny(modality=Images(size=16, on_error="skip"))
    with pytest.warns(UserWarning, match="3 of 7 images could not be read.*missing.png"):
        ssl.fit(broken)
    with pytest.warns(UserWarning, match="left out"):
        Z = ssl.transform(broken)
    skipped = [1, 5, 6]
    assert np.isnan(Z[skipped]).all()
    kept = np.setdiff1d(np.arange(7), skipped)
    np.testing.assert_array_equal(Z[kept], ssl.transform(files[:4]))
    # What is made of an image does not depend on the others.
    for alone in (broken[5:6], broken[5:]):
        with pytest.warns(UserWarning, match="could not be read: row 0, '.*missing.png'"):
            assert np.isnan(ssl.transform(alone)).all()
    with pytest.raises(ValueError, match="2 of 2 images could not be read: row 0") as error:
        clone(ssl).fit(broken[5:])
    assert "on_error" not in str(error.value)


def test_broken_files_are_warned_of_once(broken):
    labels = [0, 1, 0, 1, 0, 1, 0]
    ssl = tiny(modality=Images(size=16, on_error="skip"))
    for fit in (ssl.fit_transform, lambda X: FineTuneClassifier(ssl, max_epochs=1).fit(X, labels)):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            fit(broken)
        assert sum("could not be read" in str(one.message) for one in said) == 1


def test_names_without_their_folder_are_looked_up_where_it_is_said(files, monkeypatch):
    monkeypatch.chdir(files[0].parent.parent)
    for on_error in ("raise", "skip"):
        with pytest.raises(ValueError, match="6 of 6 .*looked up from .*os.listdir") as error:
            tiny(modality=Images(size=16, on_error=on_error)).fit([path.name for path in files])
        assert "on_error" not in str(error.value)


def test_which_images_can_be_read_is_known_beforehand(broken, files):
    expected = [True, False, True, True, True, False, False]
    for X in (broken, [str(path) for path in broken], pd.DataFrame({"file": broken})):
        assert readable_images(X).tolist() == expected
    assert readable_images([Image.open(files[0]), Image.new("I", (4, 4))]).tolist() == [True, False]


def of_row_7(ssl, X, y):
    """What wants every sample, of an `X` whose row 7 cannot be read."""
    Z, skip = np.eye(len(X)), Images(size=16, on_error="skip")
    yield lambda: NeighborsDisplay.from_estimator(ssl, X, rows=[0])
    yield lambda: NeighborsDisplay.from_embedding(Z, X, modality=skip, rows=[7])
    yield lambda: EmbeddingDisplay.from_estimator(ssl, X)
    places = np.arange(16).reshape(8, 2)
    yield lambda: EmbeddingDisplay.from_estimator(ssl, X, projection=places, thumbnails=8)
    yield lambda: ViewsDisplay.from_estimator(ssl, X, rows=[0])
    yield lambda: explore(ssl, X, path="map.html")
    yield lambda: FineTuneClassifier(ssl, max_epochs=1).fit(X, y).predict(X)


@pytest.mark.filterwarnings("ignore:X. 1 of 8 images")
@pytest.mark.parametrize("number", range(7))
def test_what_wants_every_file_says_which_row_to_leave_out(number, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What looks like a row in a name is none.
    (tmp_path / "row 1.png").write_text("no image at all")
    X, y = [*files, files[0], tmp_path / "row 1.png"], [0, 1] * 4
    ssl = tiny(modality=Images(size=16, on_error="skip")).fit(X)
    with pytest.raises(ValueError, match=r"row 7\b.*/row 1.png'.*[Ll]eave") as error:
        list(of_row_7(ssl, X, y))[number]()
    assert "readable_images(X)" in str(error.value)
    assert "on_error" not in str(error.value)


@pytest.mark.parametrize(
    "texts",
    [
        ["see the attached report.pdf", "the cat sat", "a dog"],
        ["photo.png", "the cat sat", "a dog"],
        ["the cat sat", "photo.png"],
    ],
)
def test_texts_are_no_files(texts, pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures[0].save("photo.png")
    assert type(infer_modality(texts)) is Text
    assert type(infer_modality(["photo.png"] * 2)) is Images
    with pytest.raises(ValueError, match=r"'no.png', but there are no such files.*glob.*Text"):
        infer_modality(["no.png", "neither.jpg"])


def test_files_without_an_ending_are_noticed(pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        pictures[0].save(name, format="png")
    with pytest.warns(ModalityWarning, match=r"names of files that exist, such as 'first'.*Images"):
        assert type(infer_modality(["first", "second"])) is Text


def test_a_model_of_arrays_opens_no_file(files, rng):
    arrays = rng.integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    ragged = [array[: 10 + row] for row, array in enumerate(arrays)]
    Image.fromarray(arrays[0]).save(files[0])
    ssl = tiny().fit(arrays)
    for X in (files[:1], [str(files[0])], np.array([str(files[0])])):
        with pytest.raises(ValueError, match="arrays were seen in fit, so no file is opened"):
            ssl.transform(X)
    assert ssl.transform([Image.fromarray(arrays[0])]).shape == ssl.transform(arrays[:1]).shape
    # A name that hides behind arrays, too.
    resized = tiny(modality=Images(size=16, on_error="skip")).fit(ragged)
    with pytest.warns(UserWarning, match="1 of 13 images could not be read.*where fit saw arrays"):
        Z = resized.transform([*ragged, *ragged, str(files[0])])
    assert np.isnan(Z[12]).all()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_regular_file_is_refused(files, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ValueError, match="pipe.png' .it is no regular file"):
        Images(size=16).load([files[0], tmp_path / "pipe.png", tmp_path])


@pytest.mark.parametrize(
    "error",
    [NotImplementedError("DDS"), struct.error(""), IndexError(), MemoryError(), KeyError(3)],
)
def test_whatever_a_decoder_raises_is_a_broken_file(error, files, monkeypatch):
    load = PngImageFile.load

    def broken(image):
        if getattr(image, "filename", "") == str(files[1]):
            raise error
        return load(image)

    monkeypatch.setattr(PngImageFile, "load", broken)
    names = [str(path) for path in files]
    with pytest.warns(UserWarning, match=f"1 of 6 .*picture1.png' .{type(error).__name__}"):
        images, loaded = Images(size=16, on_error="skip").load(names)
    assert len(images) == 5 and not loaded[1]


def test_palettes_with_transparency(pictures, tmp_path):
    picture = pictures[0].quantize(16)
    alpha = bytes([0, 128, 255] + [255] * 13)
    picture.save(tmp_path / "palette.png", transparency=alpha)
    images, _ = Images().load([tmp_path / "palette.png"])
    np.testing.assert_array_equal(images[0], picture.convert("RGB"))
    images, _ = Images(channels=4).load([tmp_path / "palette.png"])
    np.testing.assert_array_equal(images[0, ..., 3], np.array([*alpha], np.uint8)[picture])


@pytest.mark.parametrize("modality", ["auto", Images(), Text()])
def test_messages_do_not_hold_whole_files(pictures, modality):
    file = io.BytesIO()
    pictures[0].resize((200, 200)).save(file, "bmp")
    with pytest.raises(ValueError, match=r"PIL.Image.open\(io.BytesIO") as error:
        tiny(modality=modality).fit([file.getvalue()] * 8)
    assert len(str(error.value)) < 1000


TINY_PUZZLE = {"encoder": tiny_conv, "max_epochs": 0, "device": "cpu", "random_state": 0}


@pytest.mark.parametrize(
    ("method", "give_back"),
    [
        (
            MaskedAutoencoder(max_epochs=0, **TINY_TRANSFORMER),
            lambda ssl, X: ssl.reconstruct(X, "random"),
        ),
        (
            MaskedAutoencoder(max_epochs=0, **TINY_TRANSFORMER),
            lambda ssl, X: ssl.reconstruct(X, np.arange(len(X) * 256).reshape(-1, 16, 16) % 9 == 0),
        ),
        (ContextEncoder(**TINY_PUZZLE), lambda ssl, X: ssl.inpaint(X, np.eye(16, dtype=bool))),
        (Colorization(**TINY_PUZZLE), lambda ssl, X: ssl.colorize(X)),
        (JigsawPuzzle(**TINY_PUZZLE), lambda ssl, X: ssl.solve(X)),
        (JigsawPuzzle(**TINY_PUZZLE), lambda ssl, X: ssl.shuffle(X)[0]),
    ],
)
def test_what_is_given_back_has_a_row_for_each_file(method, give_back, broken):
    ssl = method.set_params(modality=Images(size=16, on_error="skip"))
    with pytest.warns(UserWarning, match="3 of 7 images"):
        ssl.fit(broken)
    with pytest.warns(UserWarning, match="3 of 7 images"):
        given = give_back(ssl, broken)
    assert given.shape == (7, 16, 16, 3)
    skipped = np.isnan(given).all(axis=(1, 2, 3))
    assert np.flatnonzero(skipped).tolist() == [1, 5, 6]
    assert np.isfinite(given[~skipped]).all()
    assert give_back(ssl, broken[2:5]).dtype == np.uint8


def test_shuffled_files_that_cannot_be_read_have_no_order(broken):
    ssl = JigsawPuzzle(modality=Images(size=16, on_error="skip"), **TINY_PUZZLE)
    with pytest.warns(UserWarning, match="3 of 7 images"):
        _, answers = ssl.fit(broken).shuffle(broken)
    assert np.flatnonzero(answers < 0).tolist() == [1, 5, 6]


def test_baselines_want_every_file(broken):
    baseline = classical_baselines(Images(size=16, on_error="skip"))["raw + LR"][0]
    with pytest.warns(UserWarning, match="3 of 7 images"):
        baseline.fit(broken)
    with pytest.raises(ValueError, match="3 of 7 images could not be read: row 1, .*Leave such"):
        baseline.transform(broken)


@pytest.mark.parametrize(
    ("make", "params", "message"),
    [
        (lambda p: p, {}, r"differ in size: \(20, 30\) is the first, \(31, 24\).*size=64"),
        (lambda p: p, {"size": 0}, "size"),
        (lambda p: p, {"size": 8, "on_error": "ignore"}, "on_error"),
        (lambda p: p, {"size": 8, "channels": 5}, "channels=5 does not fit files"),
        (lambda p: [*p, 3], {"size": 8}, r"row 6 \(it is 3, neither a path nor a PIL image"),
        (lambda p: [p[0].convert("I")], {"size": 8}, "row 0 .*mode 'I', with more than 8 bits"),
        (lambda p: [np.zeros((3, 4)), np.zeros((4, 4))], {"size": 8}, "dtype float64"),
        (lambda p: p[:1], {"size": 8}, "X has 1 sample,"),
        (lambda p: np.zeros((4, 9, 9, 3), np.uint8), {"size": 8}, "size=8.*arrays of one size"),
    ],
)
def test_bad_files(pictures, make, params, message):
    with pytest.raises(ValueError, match=message):
        tiny(modality=Images(**params)).fit(make(pictures))


def test_other_size_at_transform(pictures):
    square = [picture.resize((16, 16)) for picture in pictures]
    ssl = tiny().fit(square)
    with pytest.raises(ValueError, match=r"shape \(8, 8, 3\).*shape \(16, 16, 3\) were seen"):
        ssl.transform([picture.resize((8, 8)) for picture in square])


def test_views_by_what_the_images_are(rng, digits):
    X, _ = digits
    # Those for an encoder of one's own are as large as the images.
    glyphs = ImageViews.glyphs().full_size().get_params()
    assert tiny().fit(X).views_.get_params() == glyphs
    assert tiny().fit(16 - X).views_.get_params() == glyphs
    faces = rng.integers(0, 256, (6, 16, 16), dtype=np.uint8)
    assert tiny().fit(faces).views_.get_params() == ImageViews().full_size().get_params()
    named = tiny(encoder="conv", max_epochs=0).fit(faces)
    assert named.views_.get_params() == ImageViews.photos((16, 16)).get_params()
