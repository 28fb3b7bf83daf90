"""The linear transform that a picture codec starts at."""

from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.parts.networks.klt import embed, stages

WIDTHS = (64, 192, 768)


def flat(kernel):
    return kernel.flatten(1).double()


@pytest.mark.parametrize(("channels", "axes"), [(3, 2), (1, 2), (2, 1)])
def test_each_stage_s_kernels_are_orthonormal(channels, axes):
    for kernel in stages(channels, axes, (4, 2, 2), (6, 10, 12)):
        rows = flat(kernel)
        torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)).double(), rtol=0, atol=1e-5)


def test_the_first_component_is_the_mean_of_the_block():
    first = flat(stages(1, 2, (4,), (16,))[0])[0]
    torch.testing.assert_close(first, torch.full((16,), 0.25).double(), rtol=0.2, atol=0)


@torch.no_grad()
def test_with_all_components_the_transposed_convolution_inverts_the_convolution():
    kernel = stages(3, 2, (4,), (48,))[0]
    down = torch.nn.Conv2d(3, 48, 9, stride=4, padding=4, bias=False)
    up = torch.nn.ConvTranspose2d(48, 3, 9, stride=4, padding=4, output_padding=3, bias=False)
    for layer in (down, up):
        layer.weight.zero_()
        embed(layer.weight, kernel)
    x = torch.rand(2, 3, 16, 24, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(up(down(x)), x, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_new_codec_reconstructs_smooth_pictures_before_any_training():
    model: Any = ist.recipe("image-codec").build((3, 64, 64), remarks=False)
    model.decoder.output.bias.fill_(0.5)
    model.code = model.code.replace(quality=7.0)
    across, down = torch.meshgrid(torch.linspace(0, 3, 64), torch.linspace(0, 2, 64), indexing="xy")
    x = (0.5 + 0.3 * torch.sin(across + down)).expand(1, 3, 64, 64)
    assert float((model.reconstruct(x) - x).square().mean()) < 1e-3  # above 30 dB
