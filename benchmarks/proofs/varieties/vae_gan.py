"""Draws are sharper than the VAE's of the same network and budget, and nearer to real digits, whatever the seed."""

import torch
from proving import Bench, Row
from sheets import mosaics

import isthmus as ist
from isthmus.measures import gradient_energy
from isthmus.uses.judge import classifier_of, judge
from isthmus.uses.sample import source_of

EPOCHS = 1
SEEDS = (0, 1, 2)
HOW = {"batch_size": 100, "schedule": "cosine", "compile": False}


def prove(bench: Bench) -> list[Row]:
    """Of the worst seed: sharpness, Fréchet distance, and the rarest digit among the draws; the draws of all."""
    data = bench.open()
    runs = {f"seed {s}": bench.train(f"vae-gan-{s}", ist.recipe("vae-gan"), data, seed=s, **HOW) for s in SEEDS}
    runs["the VAE"] = bench.train("vae", ist.recipe("conv-vae"), data, **HOW)
    judge_by = classifier_of(runs["the VAE"])
    found = {name: judge(run, features=judge_by.features, count=2000) for name, run in runs.items()}
    vae = found.pop("the VAE")
    drawn = {name: source_of(run).draw(1000, torch.Generator().manual_seed(0)).values for name, run in runs.items()}
    bench.draw(mosaics({name: values[:48] / 255 for name, values in drawn.items()}, across=6))
    chosen = {name: judge_by.probabilities(values).argmax(1) for name, values in drawn.items()}
    rarest = {name: float(torch.bincount(of, minlength=10).min()) / len(of) for name, of in chosen.items()}
    vae_rarest = rarest.pop("the VAE")
    real = gradient_energy(data.test.tensor() / 255)
    sharpness = [of.sharpness[0] for of in found.values() if of.sharpness]
    vae_sharpness = vae.sharpness[0] if vae.sharpness else 0.0
    distances = [of.draws.frechet for of in found.values()]
    return [
        Row.at_least(
            "gradient energy of draws, least of three seeds", min(sharpness), vae_sharpness, "the VAE's", vae_sharpness
        ),
        Row.at_most(
            "gradient energy of draws, most of three seeds",
            max(sharpness),
            1.2 * real,
            "1.2 × real digits'",
            vae_sharpness,
        ),
        Row.at_most(
            "Fréchet distance to test digits, worst of three seeds",
            max(distances),
            vae.draws.frechet,
            "the VAE's",
            vae.draws.frechet,
        ),
        Row.at_least(
            "share of the draws that the rarest digit has, least of three seeds",
            min(rarest.values()),
            0.01,
            "none collapsed",
            vae_rarest,
        ),
        Row("precision, worst of three seeds", min(of.draws.precision for of in found.values()), vae.draws.precision),
        Row("coverage, worst of three seeds", min(of.draws.coverage for of in found.values()), vae.draws.coverage),
    ]
