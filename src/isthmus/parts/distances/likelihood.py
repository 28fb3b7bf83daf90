"""The likelihood that is decided from the data."""

from typing import ClassVar

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.bernoulli import Bce
from isthmus.parts.distances.distance import Distance, within_unit
from isthmus.parts.distances.gaussian import Gaussian


class Likelihood(Distance):
    """The likelihood that suits the data: `Bce` if they lie in 0..1, else a `Gaussian` with a learnt σ.

    It is replaced by one of these when the model is built.
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    def resolve(self, spec: DataSpec) -> Distance:  # pyright: ignore[reportIncompatibleMethodOverride] another kind
        """The likelihood for data of this range."""
        return Bce().resolve(spec) if within_unit(spec.range) else Gaussian(scale="learnt").resolve(spec)
