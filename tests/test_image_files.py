"""Images in files, and PIL images and arrays of mixed sizes."""

import numpy as np
import pytest
from cases import tiny_conv
from PIL import Image

from skssl import SimCLR
from skssl.modality import Images, Series, infer_modality
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
    assert type(infer_modality([rng.normal(size=(2, n)) for n in (4, 5)])) is Series
    mixed = [rng.integers(0, 256, (n, 9, 3), dtype=np.uint8) for n in (4, 5)]
    assert type(infer_modality(mixed)) is Images


def test_files_and_images_in_memory_are_the_same(pictures, files):
    ssl = tiny(modality=Images(size=16)).fit(files)
    assert ssl.modality_.sample_shape_ == (3, 16, 16)
    Z = ssl.transform(files)
    one = ssl.transform([np.array(pictures[2])])
    np.testing.assert_allclose(one, Z[2:3], rtol=1e-4, atol=1e-6)
    for X in (pictures, [np.array(p) for p in pictures], np.array([str(path) for path in files])):
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
    with pytest.raises(ValueError, match="2 of 2 images could not be read"):
        ssl.transform(broken[5:])


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
        (lambda p: p[:1], {"size": 8}, r"1 sample\(s\)"),
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
