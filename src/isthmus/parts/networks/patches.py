"""The transformer over patches: the encoder processes the visible patches only."""

from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions.patch_masking import patch_side
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.layers import Chain, initialise
from isthmus.parts.networks.attention import Block, draw_weights
from isthmus.parts.networks.maps import code_layers, expand_layer
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape


class Patches(Network):
    r"""Attention blocks over a picture's patches, as tokens with learnt positions; the decoder is smaller.

    If the encoder gets a mask (`PatchMasking`), only complete patches go through its blocks; in the code, one learnt
    vector replaces each of the others. So an encoder with a quarter of the patches takes a quarter of the time or less.
    The code is a map, (width, rows, columns), unless you set another size.

    patch: the sides of a patch in pixels; None uses a divisor of the picture's sides with about seven patches per side.
    width, depth, heads: of the encoder's tokens and blocks. decoder_width, decoder_depth: of the decoder's.
    masked, classes: whether the input has a mask, and the number of label planes; decided from the data.

    Source: He et al., Masked autoencoders are scalable vision learners, CVPR (2022); Dosovitskiy et al., An image is
    worth 16×16 words, ICLR (2021).
    """

    aligned: ClassVar[bool] = True

    patch: Annotated[int, Field(ge=1)] | None = None
    width: Annotated[int, Field(ge=1)] = 64
    depth: Annotated[int, Field(ge=1)] = 4
    heads: Annotated[int, Field(ge=1)] = 4
    decoder_width: Annotated[int, Field(ge=1)] = 32
    decoder_depth: Annotated[int, Field(ge=1)] = 1
    masked: bool = False
    classes: Annotated[int, Field(ge=0)] = 0

    def resolve(self, spec: DataSpec) -> Self:
        """The same network for samples with or without a mask and labels."""
        return self.replace(masked=spec.masked, classes=spec.classes)

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures that divide into patches and the widths fit."""
        if len(shape) != 3:
            raise BlueprintError(
                f"A patches network needs pictures (C, H, W), but the samples have shape {shape}. "
                "Use a dense network for other data."
            )
        patch_side(shape, self.patch)
        for name in ("width", "decoder_width"):
            if getattr(self, name) % self.heads:
                raise BlueprintError(
                    f"{name}={getattr(self, name)} can't be divided among {self.heads} heads. "
                    f"Use a multiple of {self.heads}, or another number of heads."
                )

    def natural_code(self, shape: Shape) -> Shape:
        """(width, rows, columns)."""
        side = patch_side(shape, self.patch)
        return (self.width, shape[1] // side, shape[2] // side)

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, H, W), with a mask as C further channels, to (N, *features): tokens, and code if its size is set."""
        natural, channels = self.natural_code(shape), (shape[0] - self.classes) // (1 + self.masked)
        tokens = Visible(channels if self.masked else 0, shape[0], patch_side(shape, self.patch), natural)
        draw_weights(tokens, generator)
        tokens.blocks = _blocks(self.width, self.depth, self.heads, generator)
        return Chain({"tokens": tokens} | code_layers(self.kind, natural, features, generator))

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, H, W): expand (for a flat code), tokens, output."""
        side, natural = patch_side(shape, self.patch), self.natural_code(shape)
        layers: dict[str, nn.Module] = {}
        if len(code) == 1:
            layers["expand"], code = expand_layer(code[0], natural, "identity", generator), natural
        tokens = Tokens(code[0], self.decoder_width, natural[1:])
        draw_weights(tokens, generator)
        tokens.blocks = _blocks(self.decoder_width, self.decoder_depth, self.heads, generator)
        output = nn.ConvTranspose2d(self.decoder_width, shape[0], side, stride=side)
        initialise(output, "identity", generator)
        return Chain(layers | {"tokens": tokens, "output": output})


class Visible(nn.Module):
    """The encoder: (N, C, H, W) to (N, width, rows, columns), from the visible patches.

    masked: the number of mask channels, which follow the picture's; 0 for none. channels: of the whole input.
    """

    blocks: nn.Sequential

    def __init__(self, masked: int, channels: int, side: int, code: Shape) -> None:
        super().__init__()
        width, *grid = code
        self.masked, self.side, self.grid = masked, side, grid
        self.embed = nn.Conv2d(channels - masked, width, side, stride=side)
        self.places = nn.Parameter(torch.empty(grid[0] * grid[1], width))
        self.norm, self.unseen = nn.LayerNorm(width), nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        whole = None
        if self.masked:
            observed = x[:, self.masked : 2 * self.masked]
            whole = F.max_pool2d(1 - observed, self.side).amax(1).flatten(1) == 0
            x = torch.cat([x[:, : self.masked], x[:, 2 * self.masked :]], 1)
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.places
        if whole is not None and (torch.compiler.is_exporting() or not bool(whole.all())):
            made = self._of_whole(tokens, whole)
        else:
            made = self.norm(self.blocks(tokens))
        return made.transpose(1, 2).unflatten(2, self.grid)

    def _of_whole(self, tokens: Tensor, whole: Tensor) -> Tensor:
        """(N, P, width) tokens to the same shape, using only those that are `whole` (N, P).

        The others aren't even computed, but in an exported program, whose sizes can't depend on values.
        """
        unseen = self.unseen.to(tokens.dtype).expand(*tokens.shape[:2], -1)
        if torch.compiler.is_exporting():
            for block in self.blocks:
                tokens = block(tokens, whole)
            return torch.where(whole[..., None], self.norm(tokens), unseen)
        counts = whole.sum(1)
        most = int(counts.max())
        order = whole.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most, None]
        chosen = tokens.gather(1, order.expand(-1, -1, tokens.shape[2]))
        for block in self.blocks:
            chosen = block(chosen, None if int(counts.min()) == most else whole.gather(1, order[..., 0]))
        made = self.norm(chosen)
        unseen = unseen.to(made.dtype)
        placed = unseen.scatter(1, order.expand(-1, -1, made.shape[2]), made)
        return torch.where(whole[..., None], placed, unseen)


class Tokens(nn.Module):
    """The decoder's tokens: (N, features, rows, columns) to (N, width, rows, columns)."""

    blocks: nn.Sequential

    def __init__(self, features: int, width: int, grid: Shape) -> None:
        super().__init__()
        self.grid = grid
        self.embed, self.norm = nn.Linear(features, width), nn.LayerNorm(width)
        self.places = nn.Parameter(torch.empty(grid[0] * grid[1], width))

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        tokens = self.norm(self.blocks(self.embed(z.flatten(2).transpose(1, 2)) + self.places))
        return tokens.transpose(1, 2).unflatten(2, self.grid)


def _blocks(width: int, depth: int, heads: int, generator: torch.Generator) -> nn.Sequential:
    blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
    draw_weights(blocks, generator)
    return blocks
