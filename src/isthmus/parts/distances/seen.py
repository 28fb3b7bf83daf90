"""Distances between pictures as they are seen: by their structure at several scales, or by features of a network."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.custom import Custom
from isthmus.parts.distances.distance import Distance
from isthmus.parts.layers import Chain, traced
from isthmus.parts.part import Shape
from isthmus.parts.structure import SCALES, multi_scale_similarity

AXES = 3
"""Of a picture: channels, height and width."""


class MsSsim(Distance):
    r"""1 minus the structural similarity at several scales (MS-SSIM), mixed with the absolute error.

    It compares contrast and structure in windows, and the brightness at the coarsest scale. So edges stay sharp that a
    squared error blurs. Alone it hardly sees a shift of the brightness or of a colour; the absolute error does. Only
    for pictures.

    absolute: the weight of the mean absolute error; 1 minus it is the weight of the similarity.
    scales: at most; each halves the picture, and pictures of fewer than 21 pixels have one.
    span: the difference between the largest and the smallest value of a pixel; "auto" is decided from the data.

    Source: Wang, Simoncelli & Bovik, Asilomar (2003); the mixture: Zhao et al., Loss functions for image restoration
    with neural networks, IEEE Trans. Computational Imaging 3 (2017).
    """

    unit: ClassVar[str] = "of 1"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    absolute: Annotated[float, Field(ge=0, le=1)] = 0.16
    scales: Annotated[int, Field(ge=1, le=len(SCALES))] = len(SCALES)
    span: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance with `link` and `span` decided."""
        resolved = super().resolve(spec)
        if resolved.span != "auto":
            return resolved
        return resolved.replace(span=1.0 if spec.range is None else float(spec.range[1] - spec.range[0]) or 1.0)

    def outputs(self, shape: Shape) -> Shape:
        """The shape of a picture.

        Raises:
            BlueprintError: these samples are no pictures.
        """
        if len(shape) != AXES:
            raise BlueprintError(
                f"The distance {self.kind!r} compares pictures (channels, height, width), but these samples have shape "
                f"{shape}. Use distance='mse', for example."
            )
        return shape

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N, C, H, W) to (N,); pixels that are not `observed` are taken as exact."""
        self._check_shapes(output, target)
        picture = self.picture(output)
        if observed is not None:
            picture = picture.where(observed, target)
        with torch.autocast(output.device.type, enabled=False):  # in bfloat16, variances would cancel
            span = 1.0 if self.span == "auto" else self.span
            alike = multi_scale_similarity(picture, target, span, self.scales)
        return (1 - self.absolute) * (1 - alike) + self.absolute * (picture - target).abs().flatten(1).mean(1)


class Perceptual(Custom):
    r"""Mean squared difference of a network's features of picture and reconstruction, plus a share of the pixels' own.

    `Perceptual(function=run)` takes the features of another run's encoder: the outputs of all its layers. Or give a
    module or function of (N, \*shape) scaled pictures that returns a tensor of features, or several. Features of a
    picture are scaled to length 1 across their channels, so that all layers count alike. The network is copied, and
    stays as it is.

    Like a custom function, the network is not saved: build the model again to load its run.

    pixels: the weight of the mean squared error, without which colours may drift.

    Source: Johnson, Alahi & Fei-Fei, Perceptual losses for real-time style transfer and super-resolution, ECCV (2016);
    lengths of 1: Zhang et al., The unreasonable effectiveness of deep features as a perceptual metric, CVPR (2018).
    """

    pixels: Annotated[float, Field(ge=0)] = 0.1

    @model_validator(mode="before")
    @classmethod
    def _copied(cls, fields: Any) -> Any:
        """Take the run's encoder, and copy the network once."""
        given = fields.get("function") if isinstance(fields, dict) else None
        if given is None or isinstance(given, _Features):
            return fields
        name = fields.get("name") or type(given).__name__
        return fields | {"function": _Features(_network_of(given)), "name": name}

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *shape), (N, *shape) to (N,); numbers that are not `observed` are taken as exact."""
        self._check_shapes(output, target)
        picture = self.picture(output)
        if observed is not None:
            picture = picture.where(observed, target)
        found = (picture - target).square().flatten(1).mean(1) * self.pixels
        features: _Features = self.function
        layers = list(zip(features(picture), features(target), strict=True))
        for one, other in layers:
            difference = F.normalize(one, dim=1) - F.normalize(other.detach(), dim=1)
            # the sum over the channels, the mean over the places
            found = found + difference.square().sum(1).reshape(len(picture), -1).mean(1).to(found.dtype) / len(layers)
        return found


class _Features(nn.Module):
    """A network's copy, in evaluation mode and with fixed weights, that gives a list of features."""

    def __init__(self, network: Callable[..., Any]) -> None:
        super().__init__()
        self.network = copy.deepcopy(network) if isinstance(network, nn.Module) else network
        self.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """(N, *shape) to features (N, C, …) each."""
        weight = next(self.parameters(), None)
        if weight is not None and (weight.device, weight.dtype) != (pictures.device, pictures.dtype):
            self.to(pictures)
        if isinstance(self.network, Chain):
            return list(traced(self.network, pictures)[1].values())
        made: Any = self.network(pictures)
        if isinstance(made, Tensor):
            return [made]
        values: Iterable[Any] = made.values() if isinstance(made, Mapping) else made
        return list(values)


def _network_of(given: Any) -> Callable[..., Any]:
    """The network itself, or the encoder of a run or model.

    Raises:
        BlueprintError: the encoder needs more than a picture.
    """
    model = given if isinstance(given, nn.Module) else getattr(given, "model", given)
    encoder, conditioning = getattr(model, "encoder", None), getattr(model, "conditioning", None)
    if not isinstance(encoder, nn.Module) or conditioning is None:
        return given
    if conditioning.classes or conditioning.mask:
        raise BlueprintError(
            "The features of this run's encoder need labels or a mask besides the picture. Give a run of a model "
            "without a condition and with missing='refuse'."
        )
    return encoder
