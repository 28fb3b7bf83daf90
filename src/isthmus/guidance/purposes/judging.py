"""Purposes that judge samples: anomalies, drift, likelihoods."""

from isthmus.guidance.purposes.purpose import Purpose, Way, ways

_PLAIN = Way("vae", "The plain VAE, with one draw of each code and the fewest parts.")
_BOUNDS = (
    "iwae",
    _PLAIN,
    "vamp-vae",
    "flow-vae",
    "iaf-vae",
    "planar-vae",
    "ladder-vae",
    "mixture-vae",
    "miwae",
    "hamiltonian-vae",
)
ROWS = (
    Purpose(
        "anomalies",
        "find anomalous samples",
        "anomaly anomalous outlier novelty fraud fault defect unusual detect failure odd",
        {
            "table": ways(
                Way("deep", "For tables of numbers: `isthmus detect` joins its error with distances to training rows."),
                Way("pca", "If the columns depend on each other linearly. It needs no training."),
                Way("vae", "If you want a likelihood as the score: `--by likelihood`."),
                Way("denoising", "If the code must not copy: noise is added in training."),
                Way("sparse", "If each anomaly should be explained by few active units."),
                "one-class",
            ),
            "mixed": ways(
                Way("table", "It learns from categories, and leaves missing cells out."),
                Way("table-vae", "If you want the likelihood of exact rows as the score: `--by likelihood`."),
            ),
            "pictures": ways(
                Way("deep", "For small pictures. A heat map shows where the error is."),
                Way("vae", "If whole pictures of another kind must be found: `--by likelihood` or `neighbours`."),
                Way("conv", "It reconstructs strokes of any kind, so it finds unusual strokes, not unusual pictures."),
                Way("pca", "The baseline: it needs no training."),
            ),
            "photographs": ways(
                Way("resnet", "For colour: it starts at PCA. Try `--by unexplained`, too."),
                Way("conv", "It reconstructs details of any kind, so it finds unusual details."),
                Way("resnet-vae", "If you want a likelihood as the score: `--by likelihood`."),
            ),
            "series": ways(
                Way("series", "It learns shapes wherever in the series they occur."),
                Way("deep", "If all series begin at the same moment, such as single heartbeats."),
                Way("pca", "The baseline, for series that begin at the same moment. It needs no training."),
                Way("series-gru", "For dependencies over long times. It trains slowly."),
            ),
            "sound": ways(Way("sound", "It reconstructs the sounds that it knows.")),
            "text": ways(Way("text-vae", "A text is anomalous if its tokens are unlikely.")),
        },
        "isthmus detect {run} {data}",
        "print(ist.detect(run, data.test))",
        "uses/detect.md",
        "auroc",
        {
            "table": "scikit-learn's IsolationForest is nearly as good on most tables and is fitted in a moment. Try "
            "it first.",
            "series": "for one long series that repeats itself, distances between its windows (KMeansAD, STOMP) are "
            "often as good, and need no model.",
        },
    ),
    Purpose(
        "drift",
        "check whether new data still look like the training data",
        "drift shift monitor monitoring changed production",
        {
            "table": ways(Way("deep", "Its codes and errors change when the data do."), "pca"),
            "mixed": ways(Way("table", "It watches categories and missing cells, too.")),
            "pictures": ways(Way("deep", "Its codes and errors change when the pictures do."), "conv"),
            "photographs": ways(Way("resnet", "Its codes and errors change when the pictures do."), "conv"),
            "series": ways(Way("series", "Its codes and errors change when the series do.")),
        },
        "isthmus drift {run} {data}",
        "print(ist.drift(run, data.test))",
        "uses/drift.md",
        simpler={"any": "if you know which columns may drift, a two-sample test of each column needs no model."},
    ),
    Purpose(
        "likelihood",
        "estimate how likely a sample is",
        "likelihood density probability probable likely bound elbo bits-dimension",
        {
            "pictures": ways(*_BOUNDS, "piwae", "ciwae", "exemplar-vae"),
            "table": ways(*_BOUNDS),
            "mixed": ways("table-vae"),
            "photographs": ways("resnet-vae"),
            "text": ways(Way("text-vae", "Its decoder gives the probability of each token.")),
        },
        "isthmus evaluate {run}",
        'print(run.evaluate()["test"])',
        "varieties/variational.md",
        "nll",
        {"table": "a Gaussian mixture or a kernel density (scikit-learn), if the table has few columns."},
    ),
)
