"""Autoencoders whose codes match a prior as a whole."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import (
    CodeAdversary,
    Conv,
    Dense,
    Gaussian,
    GaussianCode,
    Kl,
    Mmd,
    OutputAdversary,
    Plain,
    Sinkhorn,
    Sliced,
    Sse,
)

_WAE = Blueprint(
    network=Dense(widths="auto", most_widths=(256,)),
    code=Plain(size="auto", most=8),
    distance=Sse(),
    penalties=(Mmd(weight=300.0),),
)
ROWS = (
    Recipe(
        "wae",
        "Plain codes whose distribution matches a normal prior (MMD): 784-256-8-256-784 on digits.",
        "To draw new samples with a code that is not random. Use batches of a hundred samples or more.",
        "Tolstikhin et al., Wasserstein auto-encoders, ICLR (2018)",
        _WAE,
    ),
    Recipe(
        "sliced-wae",
        "Like wae, with a sliced Wasserstein distance: codes and prior are compared along random directions.",
        "When wae's kernel is too coarse: there is none to choose. Use batches of a hundred samples or more.",
        "Kolouri et al., Sliced Wasserstein auto-encoders, ICLR (2019)",
        _WAE.replace(penalties=(Sliced(),)),
    ),
    Recipe(
        "sinkhorn-wae",
        "Like wae, with the cost of moving the codes to draws of the prior, by Sinkhorn's iterations.",
        "For small codes whose whole distribution should be the prior's. It takes longer than wae.",
        "Patrini et al., Sinkhorn autoencoders, UAI (2019)",
        _WAE.replace(penalties=(Sinkhorn(),)),
    ),
    Recipe(
        "aae",
        "Plain codes that a rival network can't distinguish from draws of a normal prior: 784-256-8-256-784 on digits.",
        "Like wae, for large codes or small batches, where MMD is too coarse. The rival takes about half of the time.",
        "Makhzani et al., Adversarial autoencoders, ICLR workshop (2016)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(256,)),
            code=Plain(size="auto", most=8),
            distance=Sse(),
            penalties=(CodeAdversary(weight=10.0),),
        ),
    ),
    Recipe(
        "vae-gan",
        "A VAE with a rival network: reconstructions match in the rival's features, and draws must look real to it.",
        "For sharp draws. Reconstructions are similar to the sample, not exact. It takes three times as long as a VAE.",
        "Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML (2016)",
        Blueprint(
            network=Conv(channels=(32, 64), form="strided"),
            code=GaussianCode(size="auto", most=20),
            distance=Gaussian(),
            penalties=(Kl(), OutputAdversary(weight=5.0, realism=2.0, smoothness=0.02)),
        ),
    ),
)
