"""Its classes come apart without labels: they say more about the kind of digit than ten clusters of a VAE's codes."""

import torch

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from benchmarks.proofs.sheets import mosaics
from isthmus.measures import elbo

EPOCHS = 8
KINDS = 10


def prove(bench: Bench) -> list[Row]:
    """The normalised mutual information of classes and labels, next to k-means on the codes of `vae`."""
    from sklearn.cluster import KMeans  # noqa: PLC0415 slow to import
    from sklearn.metrics import normalized_mutual_info_score as information  # noqa: PLC0415

    data = bench.open()
    settings = {"batch_size": 128, "learning_rate": 2e-3, "schedule": "cosine", "compile": False}
    joint = bench.train("joint-vae", ist.recipe("joint-vae", code=10, categories=(KINDS,)), data, **settings)
    plain = bench.train("vae", ist.recipe("vae", code=20), data, **settings)
    labels = data.test.labels
    assert labels is not None
    shares = joint.encode(data.test)[:, -KINDS:]
    clusters = KMeans(KINDS, random_state=0).fit_predict(plain.encode(data.test).double().numpy())
    ours, others = (information(labels.numpy(), of) for of in (shares.argmax(1).numpy(), clusters))
    codes = torch.zeros(KINDS * 8, 10 + KINDS)
    codes[:, :10] = torch.randn(8, 10, generator=torch.Generator().manual_seed(0)).repeat(KINDS, 1)
    codes[torch.arange(len(codes)), 10 + torch.arange(len(codes)) // 8] = 1
    bench.draw(mosaics({"a class in each row, the same eight numbers": joint.decode(codes) / 255}, across=8))
    error, its = (elbo(run.model, data.test).distance for run in (joint, plain))
    used = float((torch.bincount(shares.argmax(1), minlength=KINDS) > 0).sum())
    return [
        Row.at_least("mutual information with the labels, normalised", ours, others, "ten clusters", beside=others),
        Row("classes in use", used),
        Row("distance, nats", error, its),
    ]
