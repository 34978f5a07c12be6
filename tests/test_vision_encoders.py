"""Networks of transformers as encoders of images and clips, in folders that the tests make."""

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.base import clone
from skops.io import dumps, loads

from skssl import SimCLR
from skssl.modality import Images, Series, Text, Video
from skssl.nn import Pretrained, VisionEncoder
from skssl.utils import to_onnx, trusted_types

transformers = pytest.importorskip("transformers", reason="needs the package transformers")

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    # So that random networks tell samples apart.
    "initializer_range": 0.3,
}
CLIPS = {
    "videomae": {"image_size": 32, "patch_size": 8, "num_frames": 6, "intermediate_size": 32},
    "vjepa2": {
        "crop_size": 32,
        "patch_size": 8,
        "frames_per_clip": 6,
        "hidden_size": 24,
        "mlp_ratio": 2,
        "pred_hidden_size": 12,
        "pred_num_attention_heads": 2,
        "pred_num_hidden_layers": 1,
    },
}
IMAGES = {
    kind: {"image_size": 32, "patch_size": 8, "intermediate_size": 32}
    for kind in ("vit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit")
}
SAYS = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
X = np.random.RandomState(0).randint(0, 256, (6, 6, 32, 32, 3)).astype(np.uint8)


def processor_of(kind, **said):
    """Return what prepares samples for a network of this kind, without anything of ours."""
    if kind == "vjepa2":
        return transformers.VJEPA2VideoProcessor(crop_size=32, **said)
    if kind == "videomae":
        return transformers.VideoMAEVideoProcessor(**SAYS | said)
    if kind.startswith("dinov2"):
        return transformers.BitImageProcessor(**SAYS | said)
    return transformers.ViTImageProcessor(size={"height": 32, "width": 32}, **said)


def write(folder, kind, processor=None, **settings):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        known = SMALL | (CLIPS | IMAGES)[kind] | settings
        network = transformers.AutoModel.from_config(
            transformers.AutoConfig.for_model(kind, **known)
        )
    network.save_pretrained(folder)
    (processor or processor_of(kind)).save_pretrained(folder)
    return network.eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Return folders of all kinds, by their names."""
    path = tmp_path_factory.mktemp("networks")
    for kind in CLIPS | IMAGES:
        write(path / kind, kind)
    return path


@pytest.fixture
def own_folder(tmp_path):
    """Return a folder that a test may damage."""
    write(tmp_path / "own", "videomae")
    return tmp_path / "own"


def fitted(folder, X=X, **params):
    return SimCLR(
        encoder=folder, **{"max_epochs": 0, "device": "cpu", "random_state": 0, **params}
    ).fit(X)


def embedded(ssl, X=X):
    """Return what the encoder gives before any scaling."""
    samples = ssl.modality_.prepare(ssl.modality_.check(X, estimator="test"))
    with torch.no_grad():
        return ssl.encoder_.columns(samples).numpy()


def expected_of(folder, X):
    """Return what a network makes of samples with its own preparation."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    kind = network.config.model_type
    if kind in CLIPS:
        processor = transformers.AutoVideoProcessor.from_pretrained(folder)
        clips = [torch.from_numpy(clip).movedim(-1, 1) for clip in X]
        shown = processor(clips, return_tensors="pt")
    else:
        processor = transformers.AutoImageProcessor.from_pretrained(folder)
        shown = processor(list(X), return_tensors="pt", input_data_format="channels_last")
    with torch.no_grad():
        hidden = network(**shown).last_hidden_state
    return (hidden.mean(dim=1) if kind in CLIPS else hidden[:, 0]).numpy()


@pytest.mark.parametrize("kind", CLIPS | IMAGES)
def test_untrained_it_is_the_feature_of_the_network_itself(kind, tmp_path):
    # In the size of the network, for bytes are rounded where they are resized.
    processor = processor_of(kind, do_resize=False)
    write(tmp_path, kind, processor)
    samples = X if kind in CLIPS else X[:, 0]
    Z = embedded(fitted(tmp_path, samples), samples)
    expected = expected_of(tmp_path, samples)
    np.testing.assert_allclose(Z, expected, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 0.01


@pytest.mark.parametrize("shape", [(40, 56), (30, 20)])
@pytest.mark.parametrize("kind", [*CLIPS, "vit", "dinov2"])
def test_samples_are_resized_and_cut_as_the_folder_says(kind, shape, folders):
    # Without noise, which would be another one where bytes are rounded.
    rows, columns = (np.linspace(0, 3, side)[:, None] for side in shape)
    waves = np.stack([np.sin(rows * k) + np.cos(columns.T * (4 - k)) for k in (1, 2, 3)], -1)
    clips = np.stack(
        [waves * np.cos(phase + np.arange(6.0)[:, None, None, None]) for phase in (0, 1)]
    )
    clips = ((clips + 2) / 4 * 255).astype(np.uint8)
    samples = clips if kind in CLIPS else clips[:, 0]
    modality = Video() if kind in CLIPS else Images()
    ssl = fitted(folders / kind, samples, modality=modality)
    processor = (
        transformers.AutoVideoProcessor if kind in CLIPS else transformers.AutoImageProcessor
    ).from_pretrained(folders / kind)
    if kind in CLIPS:
        shown = processor([torch.from_numpy(clip).movedim(-1, 1) for clip in samples])
        (key,) = (key for key in shown if key.startswith("pixel_values"))
        expected = torch.stack([torch.as_tensor(clip) for clip in shown[key]]).transpose(1, 2)
    else:
        expected = processor(list(samples), return_tensors="pt", input_data_format="channels_last")
        expected = expected["pixel_values"]
    seen = ssl.encoder_.encoder.prepared(
        ssl.modality_.input_layer()(ssl.modality_.prepare(samples))
    )
    assert seen.shape == expected.shape
    # A byte is a 255th, divided by the standard deviation.
    assert (seen - expected).abs().max() < 2 / 255 / 0.224
    assert (seen - expected).abs().mean() < 0.6 / 255 / 0.224


def test_a_folder_is_a_name_as_well(folders):
    path, name = folders / "videomae", f"transformers/{folders / 'videomae'}"
    assert np.array_equal(embedded(fitted(path)), embedded(fitted(name)))


def test_frames_are_taken_at_even_distances_and_have_to_be_there(folders):
    long = np.repeat(X, 2, axis=1)
    of_all = embedded(fitted(folders / "videomae", long), long)
    places = np.linspace(0, 11, 6).round().astype(int)
    expected = embedded(fitted(folders / "videomae"), long[:, places])
    np.testing.assert_allclose(of_all, expected, atol=1e-6)
    with pytest.raises(ValueError, match="takes 6 frames .num_frames of config.json.*X have 5"):
        fitted(folders / "videomae", X[:, :5])
    # V-JEPA 2 knows places by their distances, and so takes fewer.
    short = fitted(folders / "vjepa2", X[:, :5])
    assert short.encoder_.encoder.size == (4, 32, 32)
    assert np.isfinite(short.transform(X[:, :5])).all()


def test_too_few_frames_for_a_single_token(tmp_path):
    write(tmp_path, "vjepa2", tubelet_size=3)
    with pytest.raises(ValueError, match="takes 3 frames at least .tubelet_size.*X have 2"):
        fitted(tmp_path, X[:, :2])


def test_grey_clips_and_other_channels(folders):
    grey = X[..., 0]
    Z = embedded(fitted(folders / "videomae", grey, modality=Video()), grey)
    equal = np.stack([grey] * 3, axis=-1)
    np.testing.assert_allclose(Z, embedded(fitted(folders / "videomae"), equal), atol=1e-6)
    for channels in (2, 4):
        samples = np.concatenate([X, X], axis=-1)[..., :channels]
        with pytest.raises(ValueError, match=f"samples have {channels} channels.*network takes 3"):
            fitted(folders / "videomae", samples, modality=Video(channels=channels))
        with pytest.raises(ValueError, match=f"samples have {channels} channels.*network takes 3"):
            fitted(folders / "vit", samples[:, 0], modality=Images(channels=channels))


@pytest.mark.parametrize("kind", ["videomae", "vjepa2", "dinov2"])
def test_it_is_adapted_and_kept_without_its_folder(kind, folders, tmp_path):
    shutil.copytree(folders / kind, tmp_path / "own")
    samples = X if kind in CLIPS else X[:, 0]
    params = {"max_epochs": 2, "batch_size": 3, "learning_rate": 0.01}
    frozen = fitted(tmp_path / "own", samples)
    ssl = fitted(tmp_path / "own", samples, **params)
    assert ssl.is_adapted() and ssl.starts_from_known() and ssl.takes_one_size()
    Z = ssl.transform(samples)
    assert np.abs(embedded(ssl, samples) - embedded(frozen, samples)).max() > 1e-4
    assert np.array_equal(clone(ssl).fit(samples).transform(samples), Z)
    kept, safe = pickle.dumps(ssl), dumps(ssl)
    shutil.rmtree(tmp_path / "own")
    for again in (pickle.loads(kept), loads(safe, trusted=trusted_types()), ssl):
        np.testing.assert_array_equal(again.transform(samples), Z)
        assert again.encoder == tmp_path / "own"
        start = again.untrained(samples)
        np.testing.assert_array_equal(embedded(start, samples), embedded(frozen, samples))
    on = SimCLR(encoder=ssl.encoder_, max_epochs=0, device="cpu").fit(samples)
    np.testing.assert_array_equal(embedded(on, samples), embedded(ssl, samples))


@pytest.mark.parametrize(
    ("options", "still"),
    [({"freeze": 0.5}, ("embeddings", "layer.0.attention")), ({"lora_rank": 2}, ("bias", "norm"))],
)
def test_what_is_frozen_stays(options, still, folders):
    ssl = fitted(folders / "vjepa2", max_epochs=1, batch_size=3, **options)
    before = fitted(folders / "vjepa2").encoder_.encoder.state_dict()
    after = ssl.encoder_.encoder.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("layer.1.mlp" in name for name in moved)
    assert not any(part in name for name in moved for part in still)


def test_weights_of_ones_own(folders):
    folder = folders / "vjepa2"
    random = [embedded(fitted(folder, weights=None, random_state=i)) for i in (0, 0, 1)]
    np.testing.assert_array_equal(random[0], random[1])
    assert np.abs(random[0] - random[2]).max() > 0.01
    assert not fitted(folder, weights=None).starts_from_known()
    for weights in (folder / "model.safetensors", load_file(folder / "model.safetensors")):
        Z = embedded(fitted(folder, weights=weights))
        np.testing.assert_allclose(Z, embedded(fitted(folder)), atol=1e-6)
    with pytest.raises(ValueError, match="weights='IMAGENET': encoder='transformers/.*'auto'"):
        fitted(folder, weights="IMAGENET")


def test_a_folder_of_a_network_with_a_head(tmp_path):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model("videomae", **SMALL | CLIPS["videomae"])
    network = transformers.VideoMAEForVideoClassification(config).eval()
    network.save_pretrained(tmp_path)
    processor_of("videomae", do_resize=False).save_pretrained(tmp_path)
    np.testing.assert_allclose(embedded(fitted(tmp_path)), expected_of(tmp_path, X), atol=1e-5)
    assert not any("classifier" in name for name in fitted(tmp_path).encoder_.state_dict())


@pytest.mark.parametrize(("kind", "mean"), [("videomae", 0.485), ("vit", 0.5)])
def test_what_a_folder_does_not_say_is_what_the_authors_trained_with(kind, mean, tmp_path):
    write(tmp_path, kind)
    for file in tmp_path.glob("*preprocessor*"):
        file.unlink()
    samples = X if kind in CLIPS else X[:, 0]
    encoder = fitted(tmp_path, samples).encoder_.encoder
    assert isinstance(encoder, Pretrained) and isinstance(encoder.module, VisionEncoder)
    assert encoder.size[-2:] == (32, 32) and encoder.crop == 1.0
    assert encoder.mean[0] == pytest.approx(mean)


@pytest.mark.parametrize(
    ("said", "mean", "std"),
    [
        ({"do_normalize": False}, 0.0, 1.0),
        ({"do_rescale": False, "image_mean": [100.0] * 3, "image_std": [51.0] * 3}, 100 / 255, 0.2),
        ({"rescale_factor": 2 / 255, "image_mean": 1.0, "image_std": 1.0}, 0.5, 0.5),
    ],
)
def test_the_range_that_a_network_knows(own_folder, said, mean, std):
    change(own_folder, "video_preprocessor_config.json", **said)
    encoder = fitted(own_folder).encoder_.encoder
    assert encoder.mean.tolist() == pytest.approx([mean] * len(encoder.mean))
    assert encoder.std.tolist() == pytest.approx([std] * len(encoder.std))


def test_sizes_as_they_were_written_before(own_folder):
    change(own_folder, "video_preprocessor_config.json", size=40, crop_size=32)
    encoder = fitted(own_folder).encoder_.encoder
    assert encoder.size == (6, 32, 32) and encoder.crop == 0.8


def change(folder, file, **settings):
    said = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps(said | settings))


def without_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def without_layer(folder):
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layer.1" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def says(**settings):
    return lambda folder: change(folder, "video_preprocessor_config.json", **settings)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without_weights, "has no model.safetensors, but pytorch_model.bin, a pickle"),
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (without_layer, "in part only: .* are missing, such as 'encoder.layer.1"),
        (lambda f: change(f, "config.json", image_size=48), "32x32 .* network takes 48x48"),
        (
            lambda f: change(f, "config.json", image_size=[1, 2, 3]),
            "image_size .* height and a wid",
        ),
        (lambda f: change(f, "config.json", num_channels=4), "image_mean .* 3 values.* 4 channels"),
        (says(size={"longest_edge": 3}), "size of video_pre.* must be a height and a width"),
        (says(size={"height": 40, "width": 40}), "resizes .* to 40x40 .* cuts 32x32"),
        (says(size={"shortest_edge": 20}), "shortest_edge of 20 pixels, and cuts 32x32"),
        (says(resample=0), "resample of .* must be 2 .* or 3 .*, got 0"),
        (says(image_std=[0.0] * 3), "image_std .* must be above 0"),
        (says(image_mean=["x"]), r"image_mean .* must be finite numbers, got \['x'\]"),
    ],
)
def test_bad_folders(own_folder, damage, message):
    damage(own_folder)
    with pytest.raises(ValueError, match=message):
        fitted(own_folder)


def test_a_network_for_other_samples(folders, tmp_path):
    with pytest.raises(ValueError, match="kind 'videomae'.* X are images; known .* 'vit'"):
        fitted(folders / "videomae", X[:, 0])
    with pytest.raises(ValueError, match="kind 'vit'.* X are clips; known .* 'videomae', 'vjepa2'"):
        fitted(folders / "vit")
    with pytest.raises(ValueError, match="for images or clips .vit., and the samples .* are texts"):
        fitted(folders / "vit", ["rain", "wind"], modality=Text())
    with pytest.raises(ValueError, match="is a folder. .* Images, Text and Video, and X is Series"):
        fitted(folders / "vit", np.zeros((4, 30)), modality=Series())
    config = transformers.BertConfig(vocab_size=9, **SMALL, intermediate_size=32)
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="kind 'bert'.*Pretrained"):
        fitted(tmp_path)
    with pytest.raises(ValueError, match="of a network of transformers, the folder is passed"):
        fitted(folders / "vit" / "config.json")
    with pytest.raises(ValueError, match="'timm/NAME', 'transformers/NAME', .*pathlib.Path"):
        fitted(str(folders / "vit"), X[:, 0])
    with pytest.raises(ValueError, match="there is no such file or folder"):
        fitted(Path("nowhere"))


def test_onnx_has_the_same_feature(folders, tmp_path):
    pytest.importorskip("onnxscript")
    import onnxruntime

    ssl = fitted(folders / "videomae")
    to_onnx(ssl, tmp_path / "clips.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "clips.onnx")
    (Z,) = session.run(["embeddings"], {"samples": ssl.modality_.prepare(X).numpy()})
    np.testing.assert_allclose(Z, ssl.transform(X), atol=1e-4)
