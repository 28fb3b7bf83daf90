"""Inner products of the nodes' codes rank the missing edges of a graph above pairs that aren't joined."""

import numpy as np

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row
from isthmus.measures.graphs import area_under_curve, average_precision
from isthmus.parts.graphs import pairs, seen

EPOCHS = 1000
GRAPH, SEEDS = "les-miserables", 4


def prove(bench: Bench) -> list[Row]:
    """AUC and average precision of held-out edges, next to the common neighbours of two nodes.

    Each seed holds out other edges. The neighbours are counted with the weights of Adamic & Adar, Friends and neighbors
    on the Web (2003); a node with many edges counts less.
    """
    ours, others, degrees = [], [], []
    for seed in range(SEEDS):
        data = ist.open_data(GRAPH, seed=seed)
        run = bench.train(
            f"seed-{seed}",
            ist.recipe(bench.name),
            data,
            seed=seed,
            learning_rate=3e-3,
            schedule="cosine",
            patience=300,
            compile=False,
        )
        measures = run.evaluate()["test"]
        ours.append((measures["auc"]["model"], measures["average_precision"]["model"]))
        sample = data.test.tensor()[:1]
        edges = seen(sample)[0].double().numpy()
        counted = pairs(sample).counted[0].numpy()
        joined = pairs(sample).edges[0].numpy()[counted] > 0
        degree = edges.sum(0)
        weight = np.where(degree > 1, 1 / np.log(np.maximum(degree, 2)), 0)
        for scores, into in (((edges * weight) @ edges, others), (np.outer(degree, degree), degrees)):
            into.append((area_under_curve(scores[counted], joined), average_precision(scores[counted], joined)))
    bench.data.append(f"{GRAPH}: a tenth of the edges for validation, a tenth for the test")
    (auc, precision), (auc_by, precision_by), (auc_degree, _) = (
        np.mean(of, 0).tolist() for of in (ours, others, degrees)
    )
    return [
        Row.at_least(
            f"AUC of held-out edges, mean of {SEEDS} seeds",
            auc,
            auc_degree,
            "the product of degrees",
            beside=auc_degree,
        ),
        Row("the same by common neighbours", auc_by),
        Row("average precision, beside that by common neighbours", precision, precision_by),
    ]
