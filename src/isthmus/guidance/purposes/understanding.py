"""Purposes of people who want to understand: their data, a network, a graph, or autoencoders."""

from isthmus.guidance.purposes.purpose import Purpose, Way, ways

ROWS = (
    Purpose(
        "disentangle",
        "get latent dimensions with separate meanings",
        "disentangle disentangled independent separate meaning factor attribute understand",
        {
            "pictures": ways(
                "beta-tc-vae", "beta-vae", "factor-vae", "dip-vae", "capacity-vae", "joint-vae", "info-vae"
            ),
            "table": ways("beta-tc-vae", "dip-vae", "decorrelated"),
        },
        "isthmus traverse {run}",
        "ist.traverse(run).draw()",
        "varieties/disentangling.md",
        simpler={"table": "independent component analysis (scikit-learn's FastICA), if the mixture is linear."},
    ),
    Purpose(
        "interpret",
        "get a code that people can read",
        "interpret interpretable readable explain sparse sparsity part unit understand",
        {
            "pictures": ways("sparse", "k-sparse", "sparse-kl", "decorrelated"),
            "table": ways("sparse", "k-sparse", "sparse-kl", "decorrelated"),
        },
        "isthmus latents {run}",
        'print(ist.latents(run, "test"))',
        "varieties/sparse.md",
        simpler={"any": "non-negative matrix factorisation (scikit-learn's NMF), if parts add up."},
    ),
    Purpose(
        "dictionary",
        "find the features of another network",
        "dictionary activation interpretability mechanistic monosemantic neuron llm circuit",
        {
            "activations": ways("batch-topk", "topk", "matryoshka", "jumprelu", "gated", "crosscoder"),
            "pairs": ways("transcoder"),
        },
        "isthmus latents {run} --page latents.html",
        'print(ist.latents(run, "test"))',
        "uses/dictionaries.md",
        simpler={"any": "to find one known feature, a linear probe is enough."},
    ),
    Purpose(
        "links",
        "find missing edges of a graph, or a code for each node",
        "graph edge link node connection friend interaction network-edge",
        {"graph": ways("gae", "vgae")},
        "isthmus evaluate {run}",
        'print(run.evaluate()["test"])',
        "varieties/graphs.md",
        simpler={
            "any": "the number of common neighbours (NetworkX's `adamic_adar_index`), if the nodes have no features."
        },
    ),
    Purpose(
        "learn",
        "explain or learn what an autoencoder is",
        "teach learn learning lecture student first beginner simple example start understand autoencoder explain",
        {
            "pictures": ways(
                "vanilla",
                Way("multilayer", "The next step: one hidden layer on each side."),
                Way("deep", "The whole idea, as in Hinton and Salakhutdinov's paper."),
                Way("tied", "To show that a linear autoencoder is PCA."),
                Way("stacked", "To show how deep networks were trained layer by layer."),
                Way("conv", "To show convolutions, pooling and their mirror."),
                Way("denoising", "To show that noise prevents copying."),
                Way("vae", "To show a latent space from which samples can be drawn."),
            ),
            "table": ways("vanilla", "multilayer", "deep", Way("tied", "To show that a linear autoencoder is PCA.")),
        },
        "isthmus report {run}",
        'run.report("report.html")',
        "lectures.md",
    ),
    Purpose(
        "baseline",
        "get a fast baseline",
        "baseline fast quick linear cheap reference seconds compare",
        {
            "table": ways("pca", "random-features", "extreme-learning", "vanilla", "tied"),
            "pictures": ways("pca", "random-features", "extreme-learning", "vanilla", "tied"),
            "photographs": ways("pca", "conv"),
            "series": ways("pca", "series"),
        },
        "isthmus evaluate {run}",
        'print(run.evaluate()["test"])',
        "varieties/basic.md",
        "seconds",
        {"any": "the mean of the training part: `isthmus evaluate` always compares with it."},
    ),
)
