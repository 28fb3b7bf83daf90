"""Purposes that make samples: drawing and blending."""

from isthmus.guidance.purposes.purpose import Purpose, Way, ways

_PLAIN = Way("vae", "The plain VAE. It also gives likelihoods.")
_DRAWN = ("vamp-vae", "flow-vae", "two-stage-vae", "mixture-vae", "exemplar-vae", "iaf-vae", "ladder-vae")
_MATCHED = ("wae", "rae", "aae", "sliced-wae", "sinkhorn-wae", "rae-gp", "riemannian-vae")
ROWS = (
    Purpose(
        "draw",
        "draw new samples",
        "draw generate generation generative new synthetic synthesise create sample fake",
        {
            "pictures": ways(_PLAIN, "conv-vae", "vae-gan", *_DRAWN, *_MATCHED, "gumbel", "ms-ssim-vae", "diffusion"),
            "photographs": ways("resnet-vae", "vae-gan", "conv-vae", "ms-ssim-vae", "diffusion"),
            "table": ways("table-vae", _PLAIN, *_DRAWN, *_MATCHED),
            "mixed": ways("table-vae"),
            "series": ways("vae", "rae"),
            "text": ways("text-vae"),
            "melody": ways("music-vae"),
            "roll": ways("music-roll"),
            "graph": ways("vgae"),
        },
        "isthmus sample {run}",
        "new = ist.sample(run, 16)",
        "uses/generate.md",
        "frechet",
        {"table": "a Gaussian mixture (scikit-learn), if the table has few columns, all numbers."},
    ),
    Purpose(
        "classes",
        "draw new samples of a chosen class",
        "class conditional condition chosen label style",
        {"pictures": ways("cvae"), "table": ways(Way("cvae", reading={"label": "kind"}))},
        "isthmus sample {run}",
        "new = ist.sample(run, 16)",
        "uses/generate.md",
        labels=True,
    ),
    Purpose(
        "blend",
        "blend two samples",
        "blend interpolate interpolation morph mix between",
        {
            "pictures": ways(Way("vae", "Its latent space has no gaps, so places between two codes look real."), "wae"),
            "photographs": ways(Way("resnet-vae", "Its latent space has no gaps."), "vae-gan"),
            "table": ways(Way("vae", "Its latent space has no gaps.")),
            "mixed": ways(Way("table-vae", "Its latent space has no gaps.")),
            "text": ways("text-vae"),
            "melody": ways("music-vae"),
            "roll": ways("music-roll"),
        },
        "isthmus blend {run} test:0 test:1",
        'print(ist.blend(run, "test:0", "test:1"))',
        "uses/blend.md",
        simpler={"table": "the straight line between two rows, which `isthmus blend` shows, too."},
    ),
)
