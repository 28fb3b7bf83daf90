"""Purposes that repair samples: noise, holes, missing cells, colours, sizes."""

from isthmus.guidance.purposes.purpose import Purpose, Way, ways

_FILES = "isthmus restore {run} {data} repaired/"
_PATCHES = {"patches": 1000, "size": 32}
_SOUND_NOISE = ("corruption=gaussian-noise", "skips=true", "predicts=residual")


def _restoring(name: str, title: str, words: str, simpler: str = "", files: str = _FILES) -> Purpose:
    """A purpose of one recipe, which repairs pictures."""
    return Purpose(
        name,
        title,
        words,
        {"photographs": (Way(name, reading=_PATCHES),)},
        "isthmus report {run}",
        "print(ist.restoration(run).scores)",
        "uses/restore.md",
        simpler={"any": simpler} if simpler else {},
        files=files,
    )


ROWS = (
    Purpose(
        "denoise",
        "remove noise",
        "denoise denoising noise noisy clean grain hiss typo typing-error misspelling",
        {
            "photographs": ways(Way("denoise", reading=_PATCHES)),
            "pictures": ways(
                Way("denoise", "For pictures of any size: it predicts the noise and subtracts it."),
                Way("denoising", "If you also want a small code of the picture."),
                "denoising-vae",
            ),
            "table": ways(Way("denoising", "It learns to reconstruct clean rows from noisy ones.")),
            "series": ways(
                Way("series", "It is trained on noisy series here.", ("corruption=gaussian-noise",)),
                Way("denoising", "If all series begin at the same moment."),
            ),
            "sound": ways(Way("sound", "It predicts the noise and subtracts it.", _SOUND_NOISE)),
            "text": ways("text-denoising"),
        },
        "isthmus reconstruct {run} {data} {results}",
        "rebuilt = run.reconstruct(data.test)",
        "uses/restore.md",
        simpler={
            "photographs": "for weak noise, scikit-image's `denoise_nl_means` or `denoise_wavelet` needs no training.",
            "series": "if the noise is faster than the signal, a Savitzky–Golay filter (SciPy) is enough.",
        },
        files=_FILES,
    ),
    _restoring(
        "inpaint",
        "fill holes in pictures, remove scratches and objects",
        "inpaint inpainting hole scratch object erase crack occlusion",
        "for small holes, scikit-image's `inpaint_biharmonic` needs no training.",
        files="",  # its pictures need marked holes
    ),
    _restoring(
        "upscale",
        "enlarge pictures",
        "upscale upscaling enlarge superresolution super-resolution resolution bigger zoom",
        "Pillow's `resize` with LANCZOS needs no training, but it adds no detail.",
    ),
    _restoring(
        "recolour",
        "colour grey pictures",
        "recolour recolor colourise colorize colorise colourize black-white grey-colour",
    ),
    _restoring("watermark", "remove watermarks from pictures", "watermark logo stamp overlay caption"),
    _restoring(
        "sharpen",
        "sharpen blurred pictures",
        "sharpen deblur blur blurred blurry focus",
        "an unsharp mask (Pillow) needs no training, but it also sharpens noise.",
    ),
    Purpose(
        "fill",
        "fill missing cells of a table",
        "fill missing impute imputation gap hole-table nan null empty incomplete",
        {
            "mixed": ways(
                Way("table", "It is trained with hidden cells, and fills in the cells that are missing."),
                Way("table-vae", "If a cell should be drawn from its distribution, with `--draws`."),
            ),
        },
        "isthmus reconstruct {run} {data} filled.csv --fill",
        "filled = run.fill(data.train)",
        "varieties/series-and-tables.md",
        simpler={
            "any": "scikit-learn's IterativeImputer is enough if the columns are numbers that depend on each other "
            "linearly.",
        },
    ),
)
