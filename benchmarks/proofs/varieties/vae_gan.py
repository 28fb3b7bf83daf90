"""Draws are sharper than the VAE's of the same network and budget, and nearer to real digits, whatever the seed."""

import torch

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import gradient_energy, judge_draws
from isthmus.samplers import Way
from isthmus.uses.judge import classifier_of
from isthmus.uses.sample import source_of

EPOCHS = 3
SEEDS = (0, 1, 2)
HOW = {"batch_size": 100, "schedule": "cosine", "compile": False}
RATE, VAE_RATE = 2e-3, 4e-3
"""Each as a validation part prefers it, of half of this and this."""
COUNT = 2000
"""Draws that are judged, and as many test digits."""
WAYS: tuple[Way, ...] = ("prior", "mixture")


def prove(bench: Bench) -> list[Row]:
    """Of the worst seed: sharpness, Fréchet distance, and the rarest digit among the draws; the draws of all."""
    data = bench.open()
    runs = {
        f"seed {s}": bench.train(f"vae-gan-{s}", documented("vae-gan"), data, seed=s, learning_rate=RATE, **HOW)
        for s in SEEDS
    }
    smooth = documented("conv-vae").replace(network=documented("vae-gan").network)
    runs["the VAE"] = bench.train("vae", smooth, data, learning_rate=VAE_RATE, **HOW)
    judge = classifier_of(runs["the VAE"])
    real = data.test.take(torch.arange(min(COUNT, len(data.test))))
    seen, most = judge.features(real), 1.2 * gradient_energy(real.tensor() / 255)
    rows = []
    for way in WAYS:
        sources = {name: source_of(run, way=way, most=4000) for name, run in runs.items()}
        drawn = {name: source.draw(COUNT, torch.Generator().manual_seed(0)).values for name, source in sources.items()}
        bench.draw(mosaics({name: values[:48] / 255 for name, values in drawn.items()}, across=6), way)
        found = {name: judge_draws(judge.features(values), seen) for name, values in drawn.items()}
        sharpness = {name: gradient_energy(values / 255) for name, values in drawn.items()}
        classes = {name: judge.probabilities(values).argmax(1) for name, values in drawn.items()}
        rarest = {name: float(torch.bincount(of, minlength=10).min()) / COUNT for name, of in classes.items()}
        vae, sharp, rare = (by_name.pop("the VAE") for by_name in (found, sharpness, rarest))
        seeds, energies, shares = found.values(), sharpness.values(), rarest.values()
        apart = max(of.frechet for of in seeds)
        rows += [
            Row.at_least(f"{way}: gradient energy, least of three seeds", min(energies), sharp, "the VAE's", sharp),
            Row.at_most(f"{way}: gradient energy, most of three seeds", max(energies), most, "1.2 × real ones'", sharp),
            Row.at_most(f"{way}: Fréchet distance, worst of three seeds", apart, vae.frechet, "the VAE's", vae.frechet),
            Row.at_least(
                f"{way}: share of the rarest digit, least of three", min(shares), 0.01, "none collapsed", rare
            ),
            Row(f"{way}: precision, worst of three seeds", min(of.precision for of in seeds), vae.precision),
            Row(f"{way}: coverage, worst of three seeds", min(of.coverage for of in seeds), vae.coverage),
        ]
    return rows
