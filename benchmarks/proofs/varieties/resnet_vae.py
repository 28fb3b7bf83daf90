"""A colour picture costs fewer nats than with a dense VAE of as large a code, and new pictures come from the prior."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo
from isthmus.measures.reconstruction import psnr

EPOCHS = 8
SHARED = {"batch_size": 64, "learning_rate": 1e-3, "schedule": "cosine"}


def prove(bench: Bench) -> list[Row]:
    """The negative ELBO beside the dense one's, PSNR beside PCA's, how many numbers are used, and new pictures."""
    data = bench.open("cifar10_small.npz", validation=0.1)
    blueprint = documented("resnet-vae")
    dense = blueprint.replace(network=documented("vae").network)
    runs = {
        name: bench.train(name, variety, data, **SHARED)
        for name, variety in {"resnet-vae": blueprint, "dense": dense}.items()
    }
    found = {name: elbo(run.model, data.test) for name, run in runs.items()}
    costs = {name: -bound.value for name, bound in found.items()}
    clean = data.scaling(data.test.batch(torch.arange(len(data.test))))
    pictures = {name: data.scaling(run.reconstruct(data.test)) for name, run in runs.items()}
    pictures["PCA"] = runs["dense"].baseline().reconstruct(clean)
    means = {name: float(psnr(made.clamp(0, 1), clean).mean()) for name, made in pictures.items()}
    drawn = torch.randn(36, 128, generator=torch.Generator().manual_seed(0))
    panels = {"given": clean[:36], "reconstructed": pictures["resnet-vae"][:36]}
    panels |= {f"drawn, {name}": data.scaling(run.decode(drawn)) for name, run in runs.items()}
    bench.draw(mosaics(panels, across=6))
    used = {name: int((bound.kl > 0.01).sum()) for name, bound in found.items()}
    return [
        Row.at_most("negative ELBO, nats", costs["resnet-vae"], costs["dense"], "the dense one's", costs["dense"]),
        Row("KL, nats", *(float(found[name].kl.sum()) for name in runs)),
        Row("numbers of 128 that are used (KL above 0.01 nats)", *(used[name] for name in runs)),
        Row("mean PSNR, dB; PCA with 128 numbers beside it", means["resnet-vae"], means["PCA"]),
    ]
