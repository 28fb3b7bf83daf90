"""What networks of feature maps share: halves, the way to the code and back, the weights' layout."""

import math
from typing import Any, NamedTuple

import torch
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, Crop, initialise
from isthmus.parts.part import Shape


class Axes(NamedTuple):
    """PyTorch's layers for maps of so many axes beside their channels."""

    conv: Any
    transposed: Any
    pool: Any
    batch_norm: Any


_AXES = {
    1: Axes(nn.Conv1d, nn.ConvTranspose1d, nn.MaxPool1d, nn.BatchNorm1d),
    2: Axes(nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.BatchNorm2d),
}


def axes_of(shape: Shape) -> Axes:
    """The layers for series (C, T) or pictures (C, H, W)."""
    return _AXES[len(shape) - 1]


def check_map(kind: str, shape: Shape, channels: tuple[int, ...]) -> None:
    """Raise BlueprintError unless `shape` is a picture's or a series', and there is a stage to take it."""
    if len(shape) not in (2, 3):
        raise BlueprintError(
            f"A {kind} network takes pictures of shape (C, H, W) or series of shape (C, T), got samples of shape "
            f"{shape}. Use a dense network (recipe 'deep'), or say of which kind the data are."
        )
    _check_channels(kind, channels)


def check_picture(kind: str, shape: Shape, channels: tuple[int, ...]) -> None:
    """Raise BlueprintError unless `shape` is a picture's, (C, H, W), and there is a stage to take it."""
    if len(shape) != 3:
        raise BlueprintError(
            f"A {kind} network takes pictures of shape (C, H, W), got samples of shape {shape}. "
            "Use a dense network (recipe 'deep'), or give the data as pictures."
        )
    _check_channels(kind, channels)


def _check_channels(kind: str, channels: tuple[int, ...]) -> None:
    if not channels:
        raise BlueprintError(f"{kind}.channels is empty: give the channels of at least one stage, such as [16, 8, 8].")


def halved(shape: Shape, times: int) -> list[Shape]:
    """The sizes of a picture (C, H, W) or series (C, T), and after each halving; halves are rounded up."""
    sizes = [shape[1:]]
    for _ in range(times):
        sizes.append(tuple(math.ceil(size / 2) for size in sizes[-1]))
    return sizes


def code_layers(kind: str, natural: Shape, features: Shape, generator: torch.Generator) -> dict[str, nn.Module]:
    """From (N, *natural) to (N, *features): a product where they are flat, else a 1×1 convolution, or nothing.

    Raises:
        BlueprintError: they have other positions than the map.
    """
    if features == natural:
        return {}
    if len(features) == 1:
        product = nn.Linear(math.prod(natural), features[0])
        initialise(product, "identity", generator)
        return {"flatten": nn.Flatten(), "code": product}
    if features[1:] != natural[1:]:
        positions = "×".join(map(str, natural[1:]))
        raise BlueprintError(
            f"This {kind} network makes codes of {positions} positions, {features} was asked for. "
            f"Ask for {(features[0], *natural[1:])}, for a number, or for other channels."
        )
    convolution = axes_of(natural).conv(natural[0], features[0], 1)
    initialise(convolution, "identity", generator)
    return {"code": convolution}


def expand_layer(size: int, natural: Shape, activation: Activation, generator: torch.Generator) -> nn.Module:
    """From a flat code, (N, size), to a map (N, *natural): a product and its activation."""
    product = nn.Linear(size, math.prod(natural))
    initialise(product, activation, generator)
    return nn.Sequential(product, ACTIVATIONS[activation](), nn.Unflatten(1, natural))


def doubled(number: int, small: Shape, large: Shape) -> dict[str, nn.Module]:
    """From maps of a half's size to the whole's, by nearest upsampling; a crop where that makes too much."""
    layers: dict[str, nn.Module] = {f"up{number}": nn.Upsample(scale_factor=2, mode="nearest")}
    if large != tuple(2 * size for size in small):
        layers[f"crop{number}"] = Crop(large)
    return layers


def channels_last(layers: dict[str, nn.Module], skips: dict[str, str] | None = None) -> Chain:
    """The chain with its weights laid out so that convolutions run at twice the speed, and the rest no slower."""
    chain = Chain(layers, skips)
    for layer in chain.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] PyTorch's stub lacks it
    return chain
