"""Pooling and upsampling next to a convolution, on the coarse grid: the same functions, several times faster compiled.

After a convolution, a 2×2 pool discards most of the fine grid; before a convolution, doubling fills it with copies.
Both are computed on the coarse grid instead, with four times the channels: one for each place in a 2×2 square.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW = 72
"""Up to this many numbers in a patch, a product of patches is faster than PyTorch's convolution."""
RISING = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity)
"""Activations that never fall, so that the largest activation is the activation of the largest."""


def on_coarse_grid(layer: nn.Module, x: Tensor, before: tuple[nn.Module, Tensor] | None) -> Tensor:
    """`layer(x)` in the form that is faster in a compiled graph, and slower without compiling.

    before: the layer before it and that layer's input. If both are computed at once, x is not used, and the compiler
    removes it unless something else uses it.
    """
    earlier, given = before or (None, x)
    if _halves(layer):
        stage = _stage(earlier)
        if stage is None or not all(isinstance(step, RISING) for step in stage[1]):
            return pool(x)
        convolution, steps = stage
        largest = convolve_and_pool(given, convolution.weight, _padding(convolution))
        return steps(largest if convolution.bias is None else largest + convolution.bias.view(-1, 1, 1))
    if _doubles(earlier) and (stage := _stage(layer)) is not None:
        convolution, steps = stage
        return steps(double_and_convolve(given, convolution.weight, convolution.bias, _padding(convolution)))
    return layer(x)


def convolve_and_pool(x: Tensor, weight: Tensor, padding: tuple[int, int]) -> Tensor:
    """`max_pool2d(conv2d(x, weight, padding=padding), 2, ceil_mode=True)` of (N, C, H, W).

    Add a bias and a monotone activation afterwards: there they cost a quarter.
    """
    count, channels, height, width = x.shape
    made, _, high, wide = weight.shape
    rows, columns = height + 2 * padding[0] - high + 1, width + 2 * padding[1] - wide + 1
    if channels * (high + 1) * (wide + 1) > FEW or rows % 2 or columns % 2:
        return pool(functional.conv2d(x, weight, padding=padding))
    down, right = padding
    patches = functional.pad(x, (right, right, down, down)).unfold(2, high + 1, 2).unfold(3, wide + 1, 2)
    patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * (high + 1) * (wide + 1))
    moved = [functional.pad(weight, (right, 1 - right, down, 1 - down)) for down in (0, 1) for right in (0, 1)]
    products = patches @ torch.stack(moved).flatten(0, 1).flatten(1).t()
    largest = _largest(*products.view(-1, 4, made).unbind(1))
    return largest.view(count, rows // 2, columns // 2, made).permute(0, 3, 1, 2)


def pool(x: Tensor) -> Tensor:
    """`max_pool2d(x, 2, ceil_mode=True)` of (N, C, H, W)."""
    grid = x.permute(0, 2, 3, 1)
    if x.shape[2] % 2 or x.shape[3] % 2:
        grid = functional.pad(grid, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2), value=float("-inf"))
    corners = [grid[:, down::2, right::2] for down in (0, 1) for right in (0, 1)]
    return _largest(*corners).permute(0, 3, 1, 2)


def double_and_convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """`conv2d(interpolate(x, scale_factor=2), weight, bias, padding=padding)` of (N, C, H, W), for an odd kernel."""
    made, channels, *kernel = weight.shape
    count, _, height, width = x.shape
    edges = [-(-around // 2) for around in padding]
    near = [_near(size, around) for size, around in zip(kernel, padding, strict=True)]
    high, wide = (taps.shape[2] for taps in near)
    taps = torch.einsum("pia,qjb->ijpqab", *near).flatten(0, 1).flatten(1).to(weight)
    phases = (weight.flatten(2) @ taps).view(made, channels, 4, high * wide)
    rows, columns = height + 2 * edges[0] - high + 1, width + 2 * edges[1] - wide + 1
    if channels * high * wide <= FEW:
        grid = functional.pad(x.permute(0, 2, 3, 1), (0, 0, edges[1], edges[1], edges[0], edges[0]))
        moved = [grid[:, down : down + rows, right : right + columns] for down in range(high) for right in range(wide)]
        products = torch.cat(moved, 3).reshape(-1, high * wide * channels)
        products = products @ phases.permute(3, 1, 2, 0).reshape(high * wide * channels, 4 * made)
    else:
        phases = (
            phases.permute(2, 0, 1, 3)
            .reshape(4 * made, channels, high, wide)
            .contiguous(memory_format=torch.channels_last)
        )
        products = functional.conv2d(x, phases, padding=edges).permute(0, 2, 3, 1)
    fine = products.reshape(count, rows, columns, 2, 2, made).permute(0, 1, 3, 2, 4, 5)
    fine = fine.reshape(count, 2 * rows, 2 * columns, made)
    return (fine if bias is None else fine + bias).permute(0, 3, 1, 2)


def _largest(one: Tensor, two: Tensor, three: Tensor, four: Tensor) -> Tensor:
    """The largest of four; the first of equals has the gradient, as in PyTorch's pool.

    PyTorch's `amax` would share it among them, and its `max` keeps 64-bit indices.
    """
    upper = torch.where(one >= two, one, two)
    lower = torch.where(three >= four, three, four)
    return torch.where(upper >= lower, upper, lower)


def _near(kernel: int, padding: int) -> Tensor:
    """(2, kernel, reach) of 0 and 1: the coarse neighbour that each tap falls on, at even and at odd places."""
    offsets = [[(place + tap - padding) // 2 for tap in range(kernel)] for place in (0, 1)]
    first, last = offsets[0][0], offsets[1][-1]
    return torch.tensor([[[float(at == offset) for at in range(first, last + 1)] for offset in row] for row in offsets])


def _stage(layer: nn.Module | None) -> tuple[nn.Conv2d, nn.Sequential] | None:
    """A plain convolution with an odd kernel and the steps after it; None if the layer is something else."""
    steps = list(layer) if isinstance(layer, nn.Sequential) else [layer] if layer is not None else []
    first = steps[0] if steps else None
    if not isinstance(first, nn.Conv2d) or first.padding_mode != "zeros" or isinstance(first.padding, str):
        return None
    whole = first.groups == 1 and first.stride == (1, 1) and first.dilation == (1, 1)
    odd = all(size % 2 for size in first.kernel_size)
    return (first, nn.Sequential(*steps[1:])) if whole and odd else None


def _padding(convolution: nn.Conv2d) -> tuple[int, int]:
    """Rows above and below, columns left and right."""
    down, right = convolution.padding
    return int(down), int(right)


def _halves(layer: nn.Module) -> bool:
    """Whether the layer is a 2×2 pool that rounds sizes up."""
    return (
        isinstance(layer, nn.MaxPool2d)
        and layer.ceil_mode
        and not layer.return_indices
        and (layer.kernel_size, layer.stride, layer.padding, layer.dilation) == (2, 2, 0, 1)
    )


def _doubles(layer: nn.Module | None) -> bool:
    """Whether the layer repeats each number in a 2×2 square."""
    return isinstance(layer, nn.Upsample) and layer.mode == "nearest" and layer.scale_factor == 2
