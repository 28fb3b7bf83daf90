"""Training layer by layer: each layer first learns as an autoencoder of the output of the layer below."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from isthmus.data import Samples, Scaling
from isthmus.data.samples import placed
from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.through import through
from isthmus.parts import Mse, Plain
from isthmus.parts.layers import Chain
from isthmus.training.callback import Callback
from isthmus.training.loop import VALIDATION_BATCH, Training


def pretrain(training: Training, callbacks: Callable[[str], Sequence[Callback]], save: Callable[[], None]) -> None:
    r"""Train the layers of a model one after the other, from the data inwards, before the whole is trained.

    Layer l learns to reconstruct the clean output of the layer below, :math:`h_l = f_l(h_{l-1})` with :math:`h_0 = x`,
    through itself and the decoder's layer that mirrors it. The loss is the model's distance for the data and the mean
    squared error above. A corruption damages each layer's input, so that all of them learn to denoise. Penalties are
    only used for the whole model. Each layer takes `layer_epochs`; the other settings are the run's.

    training: of the whole model; `training.state.pretrained` layers are already done.
    callbacks: those of one layer's training, by the layer's name. save: called after each layer.

    If a layer's training is interrupted or diverges, the layer is reset to its start, and `training` is stopped.

    Source: Hinton & Salakhutdinov, Reducing the dimensionality of data with neural networks, Science 313 (2006);
    Bengio et al., Greedy layer-wise training of deep networks (2007); Vincent et al., Stacked denoising autoencoders,
    JMLR 11 (2010).
    """
    layers, state, settings = layer_autoencoders(training.model), training.state, training.settings
    if state.pretrained == len(layers):
        return
    generator = torch.Generator().manual_seed(settings.seed)
    seeds = torch.randint(2**62, (len(layers),), generator=generator).tolist()
    samples = training.samples
    for place, ((name, layer), seed) in enumerate(zip(layers.items(), seeds, strict=True)):
        layer.to(training.device)
        if place >= state.pretrained:
            start = {weight: value.clone() for weight, value in layer.state_dict().items()}
            # a graph for every layer would take longer to compile than it saves
            chosen = settings.replace(epochs=settings.layer_epochs, seed=seed, compile=False, patience=None)
            ended = Training(layer, samples, None, chosen, callbacks(name), processes=training.processes).run()
            if ended.status != "finished":
                layer.load_state_dict(start)
                state.signal = ended.signal
                training.stop(ended.status, ended.reason)
                return
            state.pretrained = place + 1
            save()
            if ended.signal:  # which came when the layer had ended
                state.signal = ended.signal
                training.stop("interrupted", ended.signal)
                return
        if place + 1 < len(layers):
            samples = _codes(layer, samples, training.device)


def layer_autoencoders(model: Autoencoder) -> dict[str, Autoencoder]:
    """The model's layers by name, from the data inwards, each with its mirror as an autoencoder of the layer below.

    The modules are shared with the model, so training them trains the model. Steps without weights (flattening,
    dropout, pooling) belong to the layer before them.

    Raises:
        BlueprintError: the model has no such layers, has further inputs, or has a corruption that only fits the data.
    """
    encoder, decoder = _by_layer(model.encoder), _by_layer(model.decoder)
    if len(encoder) != len(decoder) or not encoder:
        raise BlueprintError(
            f"solution='layer by layer' needs a decoder that mirrors its encoder, but they have {len(encoder)} and "
            f"{len(decoder)} layers. Use a dense network, or set solution='gradient'."
        )
    if model.conditioning.classes or model.conditioning.mask:
        raise BlueprintError(
            "solution='layer by layer' doesn't support a condition or missing numbers, because only the first layer "
            "would get them. Set solution='gradient'."
        )
    found: dict[str, Autoencoder] = {}
    shape = model.shape
    for place, (name, mirror) in enumerate(zip(encoder, reversed(decoder.values()), strict=True)):
        first, last = place == 0, place + 1 == len(encoder)
        found[name] = Autoencoder(
            encoder[name],
            mirror,
            shape=shape,
            code=model.code if last else Plain(),
            code_shape=model.code_shape if last else None,
            code_module=model.code_module if last else None,
            distance=model.distance if first else Mse(link="identity"),
            corruption=model.corruption,
            scaling=model.scaling if first else Scaling(),
        )
        shape = found[name].code_shape
    return found


def _codes(layer: Autoencoder, samples: Samples, device: torch.device) -> Samples:
    """A layer's outputs for all samples, in memory."""
    layer.eval()
    return Samples(through(lambda raw, _: layer.encode(placed(raw, device)), samples, VALIDATION_BATCH))


def _by_layer(network: nn.Module) -> dict[str, Chain]:
    """The chain's layers with weights by name, each a chain that ends before the next; none where it is no chain."""
    groups: dict[str, dict[str, nn.Module]] = {}
    group: dict[str, nn.Module] = {}
    for name, layer in network.named_children() if isinstance(network, Chain) else ():
        if any(True for _ in layer.parameters()):
            group = {} if groups else group
            groups[name] = group
        group[name] = layer
    return {name: Chain(group) for name, group in groups.items()}
