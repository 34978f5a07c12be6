"""The maps of an encoder are found and decoded, and it is left as it was."""

import copy
import pickle

import pytest
import torch
from torch import nn

from skssl.nn import (
    MapDecoder,
    Pyramid,
    SmallConvNet,
    SmallVideoNet,
    small_vit,
    torchvision_encoder,
)

IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
CLIPS = torch.rand(2, 1, 8, 32, 32, generator=torch.Generator().manual_seed(0))


def flat():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 16))


NETWORKS = {
    "conv": (lambda: SmallConvNet(3, (32, 32)), IMAGES, [(16, 64), (8, 128), (4, 256)]),
    "resnet18": (
        lambda: torchvision_encoder("resnet18", 3, (32, 32)),
        IMAGES,
        [(32, 64), (16, 128), (8, 256), (4, 512)],
    ),
    # The tokens that its last layer makes of the patches.
    "vit": (lambda: small_vit(3, (32, 32)), IMAGES, [(8, 192)]),
    # Of eight frames, which two convolutions halve.
    "video": (
        lambda: SmallVideoNet(1, (32, 32)),
        CLIPS,
        [(8, 8 * 16), (4, 4 * 48), (2, 2 * 128)],
    ),
    "r3d_18": (
        lambda: torchvision_encoder("r3d_18", 1, (32, 32)),
        CLIPS,
        [(16, 8 * 64), (8, 4 * 128), (4, 2 * 256), (2, 512)],
    ),
    "no maps": (flat, IMAGES, []),
}
networks = pytest.mark.parametrize("name", NETWORKS)


@networks
def test_maps_of_every_size(name):
    build, samples, expected = NETWORKS[name]
    encoder = build().eval()
    pyramid = Pyramid.of(encoder, samples)
    embedding, maps = pyramid(encoder, samples)
    assert [(m.shape[3], m.shape[1]) for m in maps] == expected
    assert [m.shape[1:] for m in maps] == [
        (channels, *size) for channels, size in zip(pyramid.channels, pyramid.sizes, strict=True)
    ]
    torch.testing.assert_close(embedding, encoder(samples))


@networks
def test_encoder_is_left_as_it_was(name):
    build, samples, _ = NETWORKS[name]
    encoder = build().train()
    before = copy.deepcopy(encoder.state_dict())
    pyramid = Pyramid.of(encoder, samples)
    assert encoder.training
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    pyramid(encoder, samples)
    assert not any(module._forward_hooks for module in encoder.modules())
    again = pickle.loads(pickle.dumps((pyramid, encoder.eval())))
    torch.testing.assert_close(again[0](again[1], samples), pyramid(encoder, samples))


def test_no_hooks_are_left_after_an_error():
    encoder = SmallConvNet(3, (32, 32))
    pyramid = Pyramid.of(encoder, IMAGES)
    with pytest.raises(RuntimeError):
        pyramid(encoder, torch.rand(2, 5, 32, 32))
    assert not any(module._forward_hooks for module in encoder.modules())


def test_a_map_is_the_output_of_the_last_layer_of_its_size():
    encoder = SmallConvNet(3, (32, 32)).eval()
    _, maps = Pyramid.of(encoder, IMAGES)(encoder, IMAGES)
    torch.testing.assert_close(maps[-1].mean(dim=(2, 3)), encoder(IMAGES))
    stem, (convolution, norm, *_), *_ = encoder
    torch.testing.assert_close(maps[0], nn.Sequential(stem, convolution, norm)(IMAGES))


def test_frames_become_channels_in_their_order():
    encoder = SmallVideoNet(1, (32, 32)).eval()
    _, (stem, *_) = Pyramid.of(encoder, CLIPS)(encoder, CLIPS)
    for frame in range(8):
        torch.testing.assert_close(
            stem[:, 16 * frame : 16 * (frame + 1)], encoder.stem(CLIPS[:, :, frame])
        )


def test_tokens_become_a_map_in_their_order():
    encoder = small_vit(3, (32, 32)).eval()
    _, (tokens,) = Pyramid.of(encoder, IMAGES)(encoder, IMAGES)
    changed = IMAGES.clone()
    # Without attention, a patch would change its own token only.
    for block in encoder[1].encoder.layers:
        nn.init.zeros_(block.self_attention.out_proj.weight)
    _, (before,) = Pyramid.of(encoder, IMAGES)(encoder, IMAGES)
    changed[:, :, 8:12, 20:24] += 1
    _, (after,) = Pyramid.of(encoder, IMAGES)(encoder, changed)
    different = (before != after).any(dim=1)
    assert different.nonzero().tolist() == [[0, 2, 5], [1, 2, 5]]
    assert tokens.shape == before.shape


@networks
def test_decoder_gives_values_for_every_pixel(name):
    build, samples, _ = NETWORKS[name]
    encoder = build()
    pyramid = Pyramid.of(encoder, samples)
    embedding, maps = pyramid(encoder, samples)
    image = samples.flatten(1, -3)
    decoder = MapDecoder(
        pyramid,
        embedding.shape[1],
        image_channels=image.shape[1],
        image_size=(32, 32),
        out_channels=5,
    )
    values = decoder(embedding, maps, image)
    assert values.shape == (2, 5, 32, 32)
    assert (values == 0).all()
    nn.init.normal_(decoder.out.weight)
    decoder(*pyramid(encoder, samples), image).square().sum().backward()
    for network in (encoder, decoder):
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("size", [(8, 8), (5, 9), (28, 28), (64, 48)])
def test_decoder_of_any_size(size):
    encoder = SmallConvNet(1, size)
    images = torch.rand(3, 1, *size)
    pyramid = Pyramid.of(encoder, images)
    decoder = MapDecoder(pyramid, 256, image_channels=1, image_size=size, out_channels=2)
    assert decoder(*pyramid(encoder, images), images).shape == (3, 2, *size)
    # Views may be smaller.
    smaller = images[..., : size[0] - 1, : size[1] - 2]
    assert decoder(*pyramid(encoder, smaller), smaller).shape == (3, 2, size[0] - 1, size[1] - 2)
