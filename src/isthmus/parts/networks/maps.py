"""Shared parts of networks with feature maps: halving, layers to the code and back, the weights' memory layout."""

import math
from typing import Any, NamedTuple

import torch
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, Crop, initialise
from isthmus.parts.part import Shape


class Axes(NamedTuple):
    """PyTorch's layers for maps with a given number of axes in addition to the channels."""

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
    """Raise BlueprintError unless `shape` is a picture's or a series', and there is at least one stage."""
    if len(shape) not in (2, 3):
        raise BlueprintError(
            f"A {kind} network needs pictures of shape (C, H, W) or series of shape (C, T), but the samples have shape "
            f"{shape}. Use a dense network (recipe 'deep'), or set the kind of the data (kind=)."
        )
    _check_channels(kind, channels)


def check_picture(kind: str, shape: Shape, channels: tuple[int, ...]) -> None:
    """Raise BlueprintError unless `shape` is a picture's, (C, H, W), and there is at least one stage."""
    if len(shape) != 3:
        raise BlueprintError(
            f"A {kind} network needs pictures of shape (C, H, W), but the samples have shape {shape}. "
            "Use a dense network (recipe 'deep'), or read the data as pictures (kind='pictures')."
        )
    _check_channels(kind, channels)


def _check_channels(kind: str, channels: tuple[int, ...]) -> None:
    if not channels:
        raise BlueprintError(f"{kind}.channels is empty: expected at least one stage. Set channels=[16, 8, 8], say.")


def halved(shape: Shape, times: int, factor: int = 2) -> list[Shape]:
    """The size of a picture (C, H, W) or series (C, T) before and after each halving, rounded up.

    factor: by which each size is divided instead of 2.
    """
    sizes = [shape[1:]]
    for _ in range(times):
        sizes.append(tuple(math.ceil(size / factor) for size in sizes[-1]))
    return sizes


def code_layers(kind: str, natural: Shape, features: Shape, generator: torch.Generator) -> dict[str, nn.Module]:
    """From (N, *natural) to (N, *features): a linear layer for flat features, else a 1×1 convolution, or nothing.

    Raises:
        BlueprintError: the features have other positions than the map.
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
            f"This {kind} network makes codes of {positions} positions, but the code's shape is {features}. "
            f"Set it to {(features[0], *natural[1:])} or to a number, or change the channels."
        )
    convolution = axes_of(natural).conv(natural[0], features[0], 1)
    initialise(convolution, "identity", generator)
    return {"code": convolution}


def expand_layer(size: int, natural: Shape, activation: Activation, generator: torch.Generator) -> nn.Module:
    """From a flat code, (N, size), to a map (N, *natural): a linear layer and its activation."""
    product = nn.Linear(size, math.prod(natural))
    initialise(product, activation, generator)
    return nn.Sequential(product, ACTIVATIONS[activation](), nn.Unflatten(1, natural))


def doubled(number: int, small: Shape, large: Shape) -> dict[str, nn.Module]:
    """From maps of half the size to the whole size, by nearest upsampling and, if that is too large, a crop."""
    layers: dict[str, nn.Module] = {f"up{number}": nn.Upsample(scale_factor=2, mode="nearest")}
    if large != tuple(2 * size for size in small):
        layers[f"crop{number}"] = Crop(large)
    return layers


def channels_last(layers: dict[str, nn.Module], skips: dict[str, str] | None = None) -> Chain:
    """The chain with its weights in a memory layout that doubles the speed of convolutions."""
    chain = Chain(layers, skips)
    for layer in chain.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] PyTorch's stub lacks it
    return chain
