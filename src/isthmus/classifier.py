"""A classifier: a small network that learns the data's labels, to judge a model's samples and to test features."""

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from isthmus.data import Samples, Scaling
from isthmus.data.samples import inference_batch_size, placed
from isthmus.errors import BlueprintError, DataError, RunError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import check_scaling, put_weights, read_shape
from isthmus.model.through import through
from isthmus.parts import Conv, DataSpec, Network, Table
from isthmus.parts.layers import initialise
from isthmus.parts.model import code_of
from isthmus.storage.checked import damaged, load_tensors, save_tensors
from isthmus.training.by_labels import train_by_labels
from isthmus.training.settings import Settings, find_device

FEATURES = 64
"""Features of the default body."""
QUICK = Settings(epochs=8, learning_rate=2e-3, schedule="cosine", patience=3)
"""The default settings of a classifier's training."""


class Classifier(nn.Module):
    """A body that turns scaled samples into features, and a linear head that turns them into logits; takes raw samples.

        judge = train_classifier(data.train, data.validation, scaling=data.scaling)
        judge.accuracy(data.test), judge.features(data.test), judge.probabilities(pictures)

    Missing numbers count as 0 after scaling.

    body: from (N, *shape) scaled samples to (N, …), flattened. label_names: of the classes, in their order.
    network: the part that built the body, so that it can be built again; None for a custom body.
    history: one row per epoch: loss and, if there is a validation part, its loss and accuracy.
    about: further facts to save with it, as JSON; for example, the data it was trained on.
    """

    def __init__(
        self,
        body: nn.Module,
        *,
        shape: tuple[int, ...],
        scaling: Scaling,
        label_names: tuple[str, ...],
        network: Network | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.body, self.scaling, self.shape = body, scaling, tuple(shape)
        self.label_names, self.network = tuple(label_names), network
        self.history: list[dict[str, float]] = []
        self.about: dict[str, Any] = {}
        self.eval()
        with torch.random.fork_rng(devices=[]):  # PyTorch's layers draw initial weights from the global state
            self.head = nn.Linear(self._count_features(), len(self.label_names))
        initialise(self.head, "identity", torch.Generator().manual_seed(seed))

    def forward(self, raw: Tensor) -> Tensor:
        """(N, *shape) raw samples to (N, classes) logits."""
        return self.head(self.embed(raw))

    def embed(self, raw: Tensor) -> Tensor:
        """(N, *shape) raw samples to (N, F) features, of one batch, with gradients."""
        scaled = self.scaling(raw)
        return self.body(torch.where(scaled.isnan(), 0, scaled)).flatten(1)

    def features(self, given: Samples | Tensor) -> Tensor:
        """(N, F) features of raw samples, float32 on the CPU, a batch at a time."""
        return self._made(self.embed, given)

    def probabilities(self, given: Samples | Tensor) -> Tensor:
        """(N, classes) float32, of raw samples; each row sums to 1."""
        return self._made(self, given).softmax(1)

    def accuracy(self, samples: Samples) -> float:
        """Share of the samples whose label is the most probable one.

        Raises:
            DataError: they have no labels.
        """
        labels = _labels_of(samples)
        return float((self._made(self, samples).argmax(1) == labels).double().mean())

    def save(self, path: str | Path) -> None:
        """Write it as one safetensors file that includes its description as JSON, whole or not at all."""
        notes = {
            "classifier": self.network.to_json() if self.network else None,
            "shape": list(self.shape),
            "scaling": self.scaling.to_json(),
            "label_names": list(self.label_names),
            "history": self.history,
            "about": self.about,
        }
        save_tensors(path, self.state_dict(), notes)

    def _made(self, use: Callable[[Tensor], Tensor], given: Samples | Tensor) -> Tensor:
        """(N, …) a use of it on all samples, a batch at a time, on its device."""
        self.eval()
        samples = given if isinstance(given, Samples) else Samples(given)
        device = self.head.weight.device
        return through(lambda raw, _: use(placed(raw, device)), samples, inference_batch_size(math.prod(samples.shape)))

    def _count_features(self) -> int:
        weight = next(self.body.parameters(), torch.zeros(0))
        try:
            with torch.no_grad():
                return self.body(weight.new_zeros(1, *self.shape)).flatten(1).shape[1]
        except RuntimeError as error:
            raise DataError(
                f"The body can't take a sample of shape {self.shape}: {str(error).splitlines()[0]}. "
                "Give a body from (N, *shape) scaled samples to (N, …) features."
            ) from error


class CodeBody(nn.Module):
    """A model's encoder as the body of a classifier: from (N, *shape) scaled samples to its codes, with gradients.

        judge = train_classifier(few, scaling=run.model.scaling, body=CodeBody(run.model, few))

    The model is copied without its decoder; the original doesn't change. For a Gaussian code, the mean is used.

    like: samples that standardise the codes: over them, each latent dimension starts with mean 0 and variance 1, so
    that no dimension dominates the head. None: codes are not standardised.

    Raises:
        BlueprintError: the encoder needs labels, or its corruption changes the shape of samples.
    """

    def __init__(self, model: Autoencoder, like: Samples | None = None) -> None:
        super().__init__()
        if model.conditioning.classes or model.input_shape != model.shape:
            needs = "labels" if model.conditioning.classes else f"samples of the corrupted shape {model.input_shape}"
            raise BlueprintError(
                f"The encoder of this model needs {needs}, so it can't be a classifier's body. Use a model without a "
                "condition and without a corruption that changes the shape."
            )
        self.model = copy.deepcopy(model)
        self.model.decoder, self.model.objective.penalty_modules = nn.Identity(), nn.ModuleDict()
        codes = torch.zeros(2, *model.code_shape)
        if like is not None:
            model.eval()
            size = inference_batch_size(math.prod(like.shape))
            codes = through(lambda raw, _: model.encode(raw), like, size)
        codes = codes.to(model.device)
        spread = codes.std(0, correction=0)
        self.mean = nn.Buffer(codes.mean(0))
        self.spread = nn.Buffer(torch.where(spread > 0, spread, 1.0))

    def forward(self, scaled: Tensor) -> Tensor:
        """(N, *shape) scaled samples to (N, *code)."""
        return (code_of(self.model, scaled) - self.mean) / self.spread


def train_classifier(
    train: Samples,
    validation: Samples | None = None,
    *,
    scaling: Scaling | None = None,
    body: nn.Module | None = None,
    head: nn.Linear | None = None,
    only_head: bool = False,
    body_rate: float = 1.0,
    settings: Settings = QUICK,
    progress: Callable[[int, int], object] | None = None,
) -> Classifier:
    """Train a classifier of the samples' labels by cross-entropy; the same arguments give the same bits.

    With a validation part, the weights of the epoch with its lowest loss are kept, and `settings.patience` applies.

    scaling: of the samples. None: learnt from `train`.
    body: any module from (N, *shape) scaled samples to (N, …) features, such as a trained encoder; it is copied, and
        the original doesn't change. None: a small convolutional network for pictures and series, dense for tables.
    head: a linear layer with the initial weights of the head, for example from a first training with only_head=True.
    only_head: train only the head; the body's features are computed once.
    body_rate: the body's learning rate, as a multiple of the head's.
    settings: epochs, batch_size, optimiser, learning_rate, schedule, warmup, weight_decay, patience, seed and device.
    progress: called as `progress(done, epochs)` after each epoch.

    Raises:
        DataError: labels are missing, there is only one class, or the body doesn't take these samples.
        TrainingError: the loss is no longer finite.
    """
    parts = [part for part in (train, validation) if part is not None and len(part)]
    if not len(train):
        raise DataError("There are no samples to learn labels from: expected at least one of each class.")
    count = max(int(_labels_of(part).max()) + 1 for part in parts)
    names = train.label_names if len(train.label_names) >= count else tuple(map(str, range(count)))
    if len(names) < 2:
        raise DataError("All samples have the same label: expected two or more labels. Add samples of other classes.")
    scaling = copy.deepcopy(scaling) if scaling is not None else Scaling.learn("auto", train)
    network = None if body is not None else _network(train, scaling)
    body = copy.deepcopy(body) if body is not None else _body(network, train.shape, settings.seed)
    classifier = Classifier(
        body, shape=train.shape, scaling=scaling, label_names=names, network=network, seed=settings.seed
    ).to(find_device(settings.device))
    if head is not None:
        classifier.head.load_state_dict(head.state_dict())
    if only_head:
        seen = [Samples(values=classifier.features(part), labels=part.labels) for part in parts]
        classifier.history = train_by_labels(classifier.head, len(names), seen, settings, {}, progress)
    else:
        rates = {f"body.{name}": body_rate for name, _ in body.named_parameters()}
        classifier.history = train_by_labels(classifier, len(names), parts, settings, rates, progress)
    return classifier.eval()


def load_classifier(path: str | Path, *, body: nn.Module | None = None) -> Classifier:
    """Load a classifier written by `Classifier.save`, on the CPU.

    body: the same modules again, for a custom body.

    Raises:
        RunError: the file is missing, damaged or not a classifier, or it needs a custom body and none is given.
    """
    path = Path(path)
    tensors, notes = load_tensors(path)
    if not isinstance(notes, dict) or "classifier" not in notes:
        raise RunError(f"{path} is not a classifier: expected a file written by Classifier.save.")
    if notes["classifier"] is None and body is None:
        raise RunError(f"{path} is a classifier with a custom body. Build the body again and pass it: body=….")
    with damaged(path, keep=()):
        shape, scaling = read_shape(notes["shape"]), Scaling.from_json(notes["scaling"])
        check_scaling(scaling, shape)
        network = Network.from_json(notes["classifier"]) if body is None else None
        names = tuple(notes["label_names"])
        made = body if body is not None else _body(network, shape, 0)
        classifier = Classifier(made, shape=shape, scaling=scaling, label_names=names, network=network)
        history, about = notes.get("history", []), notes.get("about", {})
        TypeAdapter(list[dict[str, float]]).validate_python(history)
        TypeAdapter(dict[str, Any]).validate_python(about)
    put_weights(classifier, tensors, path)
    classifier.history, classifier.about = history, about
    return classifier.eval()


def _network(samples: Samples, scaling: Scaling) -> Network:
    """The default network for the data: a small convolutional one, or a dense one."""
    if samples.kind == "table" or len(samples.shape) not in (2, 3):
        return Table(widths=(256,)).resolve(DataSpec(levels=scaling.levels))
    return Conv(channels=(16, 32), form="strided", kernel=5 if samples.kind == "series" else 3)


def _body(network: Network | None, shape: tuple[int, ...], seed: int) -> nn.Module:
    """The network's encoder to FEATURES features, none of them negative."""
    assert network is not None
    with torch.random.fork_rng(devices=[]):
        encoder = network.encoder(shape, (FEATURES,), torch.Generator().manual_seed(seed))
    return nn.Sequential(encoder, nn.ReLU())


def _labels_of(samples: Samples) -> Tensor:
    if samples.labels is None:
        raise DataError("The samples have no labels, but a classifier learns from them. Give them (labels=).")
    return samples.labels
