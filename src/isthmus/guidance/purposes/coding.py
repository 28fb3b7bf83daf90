"""Purposes of a small code: dimensions, files, symbols, search, maps, groups, features."""

from isthmus.guidance.purposes.purpose import Purpose, Way, ways

_LOSS = {"max_error": 0.01}
_CODEC = {"patches": 100, "size": 128}
_REDUCE = {
    "deep": Way("deep", "It bends the code where PCA stays straight, and starts there if it can."),
    "pca": Way("pca", "The best linear code, without training. Take it if no other is clearly better."),
    "table": Way("table", "For categories and missing cells, which the others don't take."),
}
_BOTH = Way("deep", "If the code should also reconstruct the samples well.")
_DRAWS = Way("vae", "If you also want to draw new samples.")
ROWS = (
    Purpose(
        "reduce",
        "describe each sample by a few numbers",
        "reduce reduction dimension dimensionality embed embedding code summary bottleneck",
        {
            "table": ways(_REDUCE["deep"], _REDUCE["pca"], "multilayer", "tied", "vanilla"),
            "mixed": ways(_REDUCE["table"]),
            "pictures": ways(_REDUCE["deep"], _REDUCE["pca"], "conv", "multilayer", "stacked", "vanilla", "tied"),
            "photographs": ways("resnet", "conv", _REDUCE["pca"]),
            "series": ways("series", _REDUCE["deep"], "series-gru", _REDUCE["pca"]),
            "sound": ways("sound"),
            "text": ways(Way("text-vae", "Its code is one vector for the whole text.")),
            "graph": ways(Way("gae", "It makes a code of each node.")),
        },
        "isthmus encode {run} {data} codes.parquet",
        "codes = run.encode(data.test)",
        "uses/sweep.md",
        "relative_error",
        {"any": "scikit-learn's PCA, if it leaves no larger error: every training here compares the model with it."},
    ),
    Purpose(
        "compress",
        "store samples in small files",
        "compress compression store archive codec small-file bit lossless smaller send",
        {
            "photographs": ways(
                Way("image-codec-hyper", reading=_CODEC),
                Way("image-codec", "The simpler one: it takes a little less time.", (), _CODEC),
            ),
            "pictures": ways(
                Way("conv-vae", "Without loss, by bits-back.", ("distance=logistic-mixture",)),
                Way("vq", "With loss, in 64 bits a picture or fewer."),
                Way("fsq", "Like vq, without a book to learn."),
            ),
            "table": ways(Way("table-vae", "Without loss, by bits-back: it knows the likelihood of exact rows.")),
            "mixed": ways(Way("table-vae", "Without loss, by bits-back: it knows the likelihood of exact rows.")),
            "series": ways(Way("deep", "With loss: `--max-error` sets how much.", using=_LOSS)),
            "sound": ways(Way("sound", "With loss: `--max-error` sets how much.", using=_LOSS)),
        },
        "isthmus compress {run} {data} small.isth{using}",
        'ist.compress(run, data.test, "small.isth"{using})',
        "uses/compress.md",
        simpler={
            "any": "without loss and without training: PNG or WebP for pictures, FLAC for sound, Parquet with "
            "zstd or xz for tables. They also need no model to decompress.",
        },
    ),
    Purpose(
        "symbols",
        "turn samples into symbols or bits",
        "symbol discrete token tokeniser tokenizer quantise quantize codebook vocabulary",
        {
            "pictures": ways("vq", "fsq", "rvq", "rfsq", "pq", "opq", "lfq", "gumbel", "vq2"),
            "table": ways("vq", "fsq", "pq", "opq", "gumbel"),
            "photographs": ways("vq2", Way("vq", "With network=conv, each position is a symbol.", ("network=conv",))),
        },
        "isthmus encode {run} {data} codes.parquet",
        "codes = run.encode(data.test)",
        "varieties/quantised.md",
        "relative_error",
        {"table": "k-means, if one symbol for each sample is enough."},
    ),
    Purpose(
        "search",
        "find similar samples",
        "search similar similarity neighbour neighbor nearest retrieve retrieval duplicate hash hashing lookup alike",
        {
            "pictures": ways("hashing", "lfq", Way("deep", "Few samples: distances between numbers are finer.")),
            "photographs": ways(Way("resnet", "Distances between the numbers of its code."), "hashing"),
            "table": ways("hashing", Way("deep", "Few samples: distances between numbers are finer.")),
            "mixed": ways(Way("table", "Its code takes categories and missing cells in.")),
            "series": ways(Way("series", "Its code knows shapes wherever they occur."), "hashing"),
            "sound": ways(Way("sound", "Distances between its codes.")),
            "text": ways(Way("text-vae", "Distances between the codes of whole texts.")),
        },
        "isthmus search {run} test:0",
        'print(ist.search(run, "test:0"))',
        "uses/search.md",
        simpler={"table": "scikit-learn's NearestNeighbors on the standardised columns, if there are few."},
    ),
    Purpose(
        "map",
        "draw a map of the data",
        "map plane 2d 2-d visualise visualize plot overview scatter look",
        {
            "pictures": ways(
                Way("vae", "Eight numbers, which t-SNE lays out; the plane can be decoded.", ("code=8",)),
                Way("deep", "If the code itself should be the map.", ("code=2",)),
                Way("pca", "If distances on the map should have a meaning.", ("code=2",)),
                Way("hyperspherical-vae", "For data of clusters: the map is a sphere.", ("code=3",)),
            ),
            "photographs": ways(Way("resnet", "t-SNE lays its codes out.")),
            "table": ways(
                Way("deep", "The code itself is the map.", ("code=2",)),
                Way("pca", "If distances on the map should have a meaning.", ("code=2",)),
            ),
            "mixed": ways(Way("table", "The code itself is the map.", ("code=2",))),
            "series": ways(Way("series", "t-SNE lays its codes out.")),
            "sound": ways(Way("sound", "t-SNE lays its codes out.")),
            "text": ways(Way("text-vae", "t-SNE lays its codes out.")),
            "melody": ways(Way("music-vae", "t-SNE lays its codes out, and each point can be heard.")),
        },
        "isthmus map {run}",
        "ist.map_codes(run).draw()",
        "uses/map.md",
        simpler={"any": "t-SNE (scikit-learn) or UMAP on the data themselves, if you need no decoder."},
    ),
    Purpose(
        "groups",
        "find groups without labels",
        "group cluster clustering segment segmentation type unsupervised-class",
        {
            "pictures": ways("joint-vae", "mixture-vae", "hyperspherical-vae", "poincare-vae"),
            "table": ways("joint-vae", "mixture-vae", "hyperspherical-vae", "poincare-vae"),
        },
        "isthmus map {run}",
        "print(ist.map_codes(run))",
        "varieties/disentangling.md",
        simpler={"any": "k-means or HDBSCAN (scikit-learn), on the data or on the codes of any model."},
    ),
    Purpose(
        "features",
        "get features for a classifier, if labels are few",
        "feature classifier classify classification pretrain pretraining unlabelled representation label",
        {
            "pictures": ways("denoising", "contractive", "mae", "info-vae", _BOTH, "sparse", _DRAWS, "pca"),
            "photographs": ways("mae", "resnet", "conv", "pca"),
            "table": ways("denoising", "contractive", _BOTH, "sparse", "pca"),
            "mixed": ways(_REDUCE["table"]),
            "series": ways("series", "denoising", "pca"),
        },
        "isthmus encode {run} {data} features.parquet",
        "features = run.encode(data.train)",
        "uses/pretrain.md",
        "probe",
        {"any": "with many labels, gradient boosting on the raw columns, or a network trained on the labels alone."},
    ),
)
