"""Models for pictures: residual networks, codecs, restorers."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import (
    Blur,
    Corruption,
    Diffusion,
    Gaussian,
    GaussianCode,
    GaussianNoise,
    Gdn,
    Grey,
    Holes,
    Hyper,
    Kl,
    Mse,
    Patches,
    PatchMasking,
    Plain,
    PredictsResidual,
    Psnr,
    Residual,
    Rounded,
    Shrink,
    Sse,
    Watermark,
)


def _restoring(corruption: Corruption, whole: bool = True) -> Blueprint:
    """A restorer: pictures with this corruption, rounded to bytes, and a network that predicts the residual."""
    return Blueprint(
        network=Residual(channels=(16, 32, 48), activation="leaky-relu", whole=whole, skips=True),
        corruption=corruption.replace(as_bytes=True),
        predicts=PredictsResidual(),
    )


ROWS = (
    Recipe(
        "resnet",
        "Residual convolutions around a flat code of at most 128; 16, 32, 64 channels, each at half the previous size.",
        "For colour pictures. PCA is hard to beat when the code is small, so this model starts as PCA.",
        "He et al., Identity mappings in deep residual networks, ECCV (2016)",
        Blueprint(
            network=Residual(),
            code=Plain(size="auto", most=128),
            distance=Mse(link="identity"),
            start="auto",
        ),
        data="pictures",
    ),
    Recipe(
        "resnet-vae",
        "resnet as a VAE: codes are drawn around a mean, the likelihood is Gaussian with σ = 0.1, and a KL is added.",
        "To draw new colour pictures, or for a latent space without gaps. For the smallest error use resnet.",
        "Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014); He et al. (2016)",
        Blueprint(
            network=Residual(),
            code=GaussianCode(size="auto", most=128),
            distance=Gaussian(scale=0.1),
            penalties=(Kl(),),
        ),
        data="pictures",
    ),
    Recipe(
        "diffusion",
        "A decoder that makes pictures out of noise in 20 steps, guided by the code: sharp pictures from small codes.",
        "For sharp pictures from small codes, if the eye judges them. The squared error is larger than a conv model's.",
        "Preechakul et al., Diffusion autoencoders: toward a meaningful and decodable representation, CVPR (2022)",
        Blueprint(network=Diffusion(), code=Plain(size="auto", most=32)),
        data="pictures",
    ),
    Recipe(
        "image-codec",
        "Compresses pictures: the code is rounded, and the loss is its bits plus the error, at eight qualities.",
        "For files smaller than JPEG's. Train it on patches of photographs: --patches 100 --size 128.",
        "Ballé, Laparra & Simoncelli, End-to-end optimized image compression, ICLR (2017)",
        Blueprint(network=Gdn(), code=Rounded(), distance=Sse(link="identity"), penalties=(Kl(),)),
        data="pictures",
    ),
    Recipe(
        "image-codec-hyper",
        "image-codec with side information: a few numbers for each region give the scale of the code there.",
        "For the smallest files. It takes a little longer than image-codec.",
        "Ballé et al., Variational image compression with a scale hyperprior, ICLR (2018)",
        Blueprint(network=Gdn(), code=Rounded(prior=Hyper()), distance=Sse(link="identity"), penalties=(Kl(),)),
        data="pictures",
    ),
    Recipe(
        "mae",
        "A transformer that sees a quarter of a picture's patches and predicts the others.",
        "For features to classify with, learnt from many unlabelled pictures. It learns context instead of copying.",
        "He et al., Masked autoencoders are scalable vision learners, CVPR (2022)",
        Blueprint(network=Patches(), corruption=PatchMasking(), predicts=PredictsResidual()),
        data="pictures",
    ),
    Recipe(
        "denoise",
        "Removes Gaussian noise (σ = 0.1) from pictures: convolutions with skip connections, which predict the noise.",
        "For `isthmus restore` on pictures of any size. Use --patches to train on photographs. More noise: sigma=0.2.",
        "Mao, Shen & Yang, NeurIPS (2016); Zhang et al., Beyond a Gaussian denoiser, IEEE Trans. Image Proc. 26 (2017)",
        _restoring(GaussianNoise(sigma=0.1)),
        data="pictures",
    ),
    Recipe(
        "watermark",
        "Removes half-transparent words from pictures, whatever the word, its size, angle and strength.",
        "For white letters (--set value=0 for black). For another mark, give pairs of pictures with and without it.",
        "Mao, Shen & Yang, NeurIPS (2016); Dekel et al., On the effectiveness of visible watermarks, CVPR (2017)",
        _restoring(Watermark()),
        data="pictures",
    ),
    Recipe(
        "inpaint",
        "Fills holes at given places in pictures: first with a smooth surface, then with learnt detail.",
        "To remove scratches, text and objects. Give their places to `isthmus restore` with --mask.",
        "Mao, Shen & Yang, NeurIPS (2016); Pathak et al., Context encoders, CVPR (2016)",
        _restoring(Holes()).replace(distance=Psnr()),
        data="pictures",
    ),
    Recipe(
        "recolour",
        "Colours grey pictures like the training pictures. The brightness stays the same.",
        "For pictures like the training data. If grey doesn't determine a colour, the model guesses near the mean.",
        "Mao, Shen & Yang, NeurIPS (2016); Zhang, Isola & Efros, Colorful image colorization, ECCV (2016)",
        _restoring(Grey(), whole=False),  # colour varies slowly: better on photographs, in a third of the time
        data="colour",
    ),
    Recipe(
        "upscale",
        "Doubles the height and width of pictures, with more detail than interpolation. Four times: --set factor=4.",
        "For pictures that were shrunk with a good filter. If a picture is noisy, run denoise first.",
        "Mao, Shen & Yang, NeurIPS (2016); Dong et al., Image super-resolution using deep networks, TPAMI 38 (2016)",
        _restoring(Shrink()),
        data="pictures",
    ),
    Recipe(
        "sharpen",
        "Undoes a Gaussian blur (σ = 1.5 pixels).",
        "For pictures that are slightly out of focus. Set the amount of blur with --set corruption.sigma=2.",
        "Mao, Shen & Yang, NeurIPS (2016)",
        _restoring(Blur(sigma=1.5)),
        data="pictures",
    ),
)
