"""The recipes: named blueprints, one row each, with what they are for and where they come from."""

import html
import textwrap
from dataclasses import dataclass
from typing import Any, Literal

from isthmus.errors import BlueprintError, nearest
from isthmus.model.blueprint import Blueprint
from isthmus.parts import (
    ActivationL1,
    Blur,
    CodeAdversary,
    Columns,
    Contraction,
    Conv,
    Corruption,
    Decorrelation,
    Dense,
    FlowPrior,
    Fsq,
    Gaussian,
    GaussianCode,
    GaussianNoise,
    Grey,
    Gru,
    Hide,
    Holes,
    Kl,
    Ladder,
    Likelihood,
    Mmd,
    Mse,
    OutputAdversary,
    Patches,
    PatchMasking,
    Plain,
    PredictsResidual,
    Psnr,
    Residual,
    Rvq,
    Shrink,
    SparsityKl,
    Sse,
    Table,
    TopK,
    VampPrior,
    Vq,
    Watermark,
)
from isthmus.synonyms import meant_recipes


@dataclass(frozen=True)
class Recipe:
    """A named blueprint.

    source: the paper or lecture it comes from. advice: when to choose it. data: the kind of data that it takes.
    """

    name: str
    summary: str
    advice: str
    source: str
    blueprint: Blueprint
    data: Literal["any", "pictures", "colour", "series", "table"] = "any"


def _restoring(corruption: Corruption, whole: bool = True) -> Blueprint:
    """Pictures damaged so, as a file would keep them, and a network that learns what puts them right."""
    return Blueprint(
        network=Residual(channels=(16, 32, 48), activation="leaky-relu", whole=whole, skips=True),
        corruption=corruption.replace(as_bytes=True),
        predicts=PredictsResidual(),
    )


_VAE = Blueprint(
    network=Dense(widths="auto", most_widths=(400,)),
    code=GaussianCode(size="auto", most=20),
    distance=Likelihood(),
    penalties=(Kl(),),
)
_ROWS = (
    Recipe(
        "vanilla",
        "One layer each way: 784-32-784 on digits.",
        "The smallest autoencoder; the one to explain the idea with, and to compare others against.",
        "Rumelhart, Hinton & Williams, Learning internal representations by error propagation (1986)",
        Blueprint(network=Dense(), code=Plain(size="auto", activation="relu")),
    ),
    Recipe(
        "multilayer",
        "One hidden layer on each side: 784-128-64-128-784 on digits.",
        "When one layer is too plain and time is short.",
        "Hubens, Deep inside: Autoencoders (2018)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(128,)),
            code=Plain(size="auto", most=64, activation="relu"),
        ),
    ),
    Recipe(
        "deep",
        "Hidden layers that narrow to the code: 784-128-64-32-64-128-784 on digits.",
        "The first choice for tables and small pictures.",
        "Hinton & Salakhutdinov, Reducing the dimensionality of data with neural networks, Science 313 (2006)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(128, 64), activation="silu"),
            code=Plain(size="auto"),
            start="auto",
        ),
    ),
    Recipe(
        "conv",
        "Convolutions and pooling, mirrored by upsampling: the code is a small map of features (8×4×4 on digits).",
        "For pictures, and for pictures unlike those it was trained on: it learns strokes, not whole digits.",
        "Masci et al., Stacked convolutional auto-encoders for hierarchical feature extraction, ICANN (2011)",
        Blueprint(network=Conv(), code=Plain(activation="relu"), distance=Mse()),
        data="pictures",
    ),
    Recipe(
        "pca",
        "Principal components: the best linear autoencoder, in closed form.",
        "The yardstick. Where it does as well as a network, keep it: it is exact, quick and has no settings.",
        "Pearson (1901); Baldi & Hornik, Neural networks and principal component analysis (1989)",
        Blueprint(
            network=Dense(tied=True), code=Plain(size="auto"), distance=Sse(link="identity"), solution="closed form"
        ),
    ),
    Recipe(
        "tied",
        "The decoder is the encoder's transpose, W and Wᵀ: half the weights; linear, so that it spans PCA's plane.",
        "For less to store and to overfit. With activations, code.activation=sigmoid say, it is a network like others.",
        "Baldi & Hornik, Neural networks and principal component analysis (1989)",
        Blueprint(network=Dense(tied=True), code=Plain(size="auto"), distance=Sse(link="identity")),
    ),
    Recipe(
        "sparse",
        "Each sample by few of 256 units, whose activations cost something (L1): 784-64-256-64-784 on digits.",
        "For codes to be read or searched: a unit that answers says something. A larger weight leaves fewer that do.",
        "Ng, Sparse autoencoder, CS294A lecture notes (2011), with the L1 norm in place of the KL",
        Blueprint(
            network=Dense(widths="auto", most_widths=(64,)),
            code=Plain(size="wide", most=256, activation="relu"),
            penalties=(ActivationL1(weight="auto"),),
        ),
    ),
    Recipe(
        "sparse-kl",
        "Each of 64 units answers to one sample in ten: the KL of its mean activation to that rate is penalised.",
        "Where the rate shall be told, instead of a weight found by trying; every unit then answers as often.",
        "Ng, Sparse autoencoder, CS294A lecture notes (2011)",
        Blueprint(
            network=Dense(),
            code=Plain(size="wide", most=64, activation="sigmoid"),
            distance=Sse(),
            penalties=(SparsityKl(weight=10.0, rate=0.1),),
        ),
    ),
    Recipe(
        "k-sparse",
        "Of 1,000 units the 25 largest stay; the decoder is the encoder's transpose.",
        "Where exactly so many units shall describe a sample; there is no weight to find.",
        "Makhzani & Frey, k-sparse autoencoders, ICLR (2014)",
        Blueprint(network=Dense(tied=True), code=TopK(size="wide", most=1000, k="auto"), distance=Mse(link="identity")),
    ),
    Recipe(
        "contractive",
        "A code that moves little when the sample does: its derivative is penalised; tied, 784-256-784 on digits.",
        "For codes that ignore small changes, as features for what comes after.",
        "Rifai et al., Contractive auto-encoders: explicit invariance during feature extraction, ICML (2011)",
        Blueprint(
            # tied, else small weights in the encoder and large ones in the decoder contract nothing
            network=Dense(tied=True),
            code=Plain(size="wide", most=256, activation="sigmoid"),
            distance=Sse(),
            penalties=(Contraction(weight="auto"),),
        ),
    ),
    Recipe(
        "decorrelated",
        "Numbers that do not repeat each other: their squared correlations are penalised; 784-256-16 on digits.",
        "For codes to be read or used one number at a time, as principal components are, but of a network.",
        "Cogswell et al., Reducing overfitting in deep networks by decorrelating representations, ICLR (2016)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(256,), activation="silu"),
            code=Plain(size="auto", most=16),
            penalties=(Decorrelation(weight=0.01),),
        ),
    ),
    Recipe(
        "denoising",
        "It sees samples with Gaussian noise (σ = 0.5) and must give the clean ones: 784-512-128-512-784 on digits.",
        "To take noise off, and for codes that rest on what the data have in common. Other damage: corruption=masking.",
        "Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Plain(size="auto", most=128),
            corruption=GaussianNoise(sigma=0.5),
        ),
    ),
    Recipe(
        "stacked",
        "Each layer first an autoencoder of the one below, then all together: 784-1000-500-250-30 logistic on digits.",
        "For deep networks of logistic units, which stick at the mean when trained at once. With corruption=masking "
        "each layer denoises; network.tied=true halves the weights.",
        "Hinton & Salakhutdinov, Science 313 (2006); Bengio et al. (2007); Vincent et al., JMLR 11 (2010)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(1000, 500, 250), activation="sigmoid"),
            code=Plain(size="auto", most=30),
            solution="layer by layer",
        ),
    ),
    Recipe(
        "vae",
        "Codes drawn around a mean and kept near a normal prior by their KL divergence: 784-400-20-400-784 on digits.",
        "To draw new samples, to know how likely one is, and for codes without holes between them.",
        "Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014)",
        _VAE,
    ),
    Recipe(
        "conv-vae",
        "A VAE whose network halves the picture twice by convolutions; 20 numbers on digits.",
        "The VAE for pictures: what it learns of one place it knows of all; it takes longer than a dense one.",
        "Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014)",
        Blueprint(
            network=Conv(channels=(32, 64), form="strided", activation="silu"),
            code=GaussianCode(size="auto", most=20),
            distance=Likelihood(),
            penalties=(Kl(),),
        ),
    ),
    Recipe(
        "beta-vae",
        "A VAE whose KL counts four times (less on small samples): fewer numbers are used, each for more of one thing.",
        "For codes whose numbers can be told apart; it costs sharpness. A weight below 1 does the opposite.",
        "Higgins et al., β-VAE: learning basic visual concepts with a constrained variational framework, ICLR (2017)",
        _VAE.replace(penalties=(Kl(weight="auto"),)),
    ),
    Recipe(
        "cvae",
        "A VAE that is told each sample's label on both sides, so that the code holds what the label doesn't say.",
        "To draw samples of a class by choice, or to change a sample's class and keep its style. The data need labels.",
        "Sohn, Lee & Yan, Learning structured output representation using deep conditional generative models, "
        "NeurIPS (2015)",
        _VAE.replace(condition="labels"),
    ),
    Recipe(
        "iwae",
        "A VAE with five draws of each code under the importance-weighted bound, which is tighter than the ELBO.",
        "For likelihoods: more draws come nearer to log p(x) and use more of the code, at their multiple of the time.",
        "Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, ICLR (2016)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, draws=5), bound="log-mean-exp"),
    ),
    Recipe(
        "vamp-vae",
        "A VAE whose prior is learnt: a mixture of the posteriors of 100 pseudo-inputs, which begin as samples.",
        "For a higher likelihood, and for draws that look more like the data; each step encodes the pseudo-inputs too.",
        "Tomczak & Welling, VAE with a VampPrior, AISTATS (2018)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=VampPrior())),
    ),
    Recipe(
        "flow-vae",
        "A VAE whose prior is learnt: a normalising flow, which takes nearly any shape.",
        "For the highest likelihood of the VAEs with one code; a step takes longer. It needs isthmus[flow].",
        "Chen et al., Variational lossy autoencoder, ICLR (2017)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=FlowPrior())),
    ),
    Recipe(
        "ladder-vae",
        "A VAE with two levels of code: the upper one is drawn first and says what to expect of the lower one.",
        "For codes in which a few numbers hold the whole and the others the detail. Its KL grows over four "
        "epochs, or the lower level would stay unused.",
        "Sønderby et al., Ladder variational autoencoders, NeurIPS (2016)",
        _VAE.replace(code=Ladder(size="auto", most=12), penalties=(Kl(warmup=4.0),)),
    ),
    Recipe(
        "wae",
        "Plain codes that, taken together, look like a normal prior (MMD): 784-256-8-256-784 on digits.",
        "To draw new samples, and yet a sample keeps a code of its own. Give it batches of a hundred or more.",
        "Tolstikhin et al., Wasserstein auto-encoders, ICLR (2018)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(256,)),
            code=Plain(size="auto", most=8),
            distance=Sse(),
            penalties=(Mmd(weight=300.0),),
        ),
    ),
    Recipe(
        "aae",
        "Plain codes that a rival can't tell from draws of a normal prior: 784-256-8-256-784 on digits.",
        "As wae, where a kernel sees too little: large codes, or small batches. The rival takes some half of the time.",
        "Makhzani et al., Adversarial autoencoders, ICLR workshop (2016)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(256,)),
            code=Plain(size="auto", most=8),
            distance=Sse(),
            penalties=(CodeAdversary(weight=10.0),),
        ),
    ),
    Recipe(
        "vae-gan",
        "A VAE that also answers to a rival: alike in the rival's features, and draws that it takes for real.",
        "For draws that are sharp; a reconstruction is then alike, not equal. It takes three times a VAE's time.",
        "Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML (2016)",
        Blueprint(
            network=Conv(channels=(32, 64), form="strided"),
            code=GaussianCode(size="auto", most=20),
            distance=Gaussian(),
            penalties=(Kl(), OutputAdversary(weight=5.0, realism=2.0, smoothness=0.02)),
        ),
    ),
    Recipe(
        "resnet",
        "Residual convolutions around a flat code of 128 at most; 16, 32, 64 channels, each at half the size before.",
        "For colour pictures. PCA is hard to beat where a code is small beside them, so this begins as good as it.",
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
        "The same as a VAE: codes drawn around a mean, colours with a Gaussian error of 0.1, and the KL.",
        "To draw new colour pictures, or for codes without holes between them; for the smallest error take resnet.",
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
        "series",
        "Convolutions along time, three times halved: series (C, T), of different lengths too, to 8 numbers.",
        "The first choice for series: quick, and sure to learn. Give them with kind=series.",
        "Masci et al., Stacked convolutional auto-encoders, ICANN (2011), along time",
        Blueprint(network=Conv(channels=(16, 32, 32), kernel=7), code=Plain(size="auto", most=8), start="auto"),
        data="series",
    ),
    Recipe(
        "series-gru",
        "Gated recurrent units read a series into 8 numbers, and write it again from its first step to its last.",
        "Where what comes later hangs on what came long before; slower than convolutions, and needs more epochs.",
        "Malhotra et al., LSTM-based encoder-decoder for multi-sensor anomaly detection (2016), with GRUs",
        Blueprint(network=Gru(), code=Plain(size="auto", most=8)),
        data="series",
    ),
    Recipe(
        "table",
        "Tables of numbers and categories: embeddings, a loss for each kind, and cells hidden to be filled in.",
        "For tables with text columns (categorical=auto) or with holes (missing=keep), which come out filled. Hidden "
        "cells keep it from copying, also where the code is as large as the table; for a map say code=2.",
        "Gondara & Wang, MIDA: multiple imputation using denoising autoencoders, PAKDD (2018)",
        Blueprint(
            network=Table(widths="auto", most_widths=(128, 64), activation="silu"),
            code=Plain(size="auto", most=16),
            distance=Columns(),
            corruption=Hide(share=0.3),
        ),
        data="table",
    ),
    Recipe(
        "vq",
        "A code of whole numbers: eight vectors, each one of 256 that are learnt; 64 bits a sample.",
        "To store or send samples in few bits, and for models of sequences, which want symbols. For larger pictures "
        "network=conv: each position of its map is then one vector.",
        "van den Oord, Vinyals & Kavukcuoglu, Neural discrete representation learning, NeurIPS (2017)",
        Blueprint(network=Dense(widths="auto", most_widths=(512,)), code=Vq(size="auto", most=64, entries=256)),
    ),
    Recipe(
        "rvq",
        "Four vectors, two books in turn, each for what the one before left over: 64 bits a sample.",
        "Where bits shall be added a book at a time; the first books alone give a rough picture.",
        "Zeghidour et al., SoundStream: an end-to-end neural audio codec, IEEE/ACM TASLP 30 (2021)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Rvq(size="auto", most=64, length=16, entries=256, quantisers=2),
        ),
    ),
    Recipe(
        "fsq",
        "Each number rounded to a few levels: six vectors of four, 8, 5, 5 and 5 levels; 60 bits a sample.",
        "Instead of vq, where nothing shall be tuned: there is no book to learn, and none of it can lie idle.",
        "Mentzer et al., Finite scalar quantization: VQ-VAE made simple, ICLR (2024)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)), code=Fsq(size="auto", most=24, levels=(8, 5, 5, 5))
        ),
    ),
    Recipe(
        "mae",
        "A transformer that sees a quarter of a picture's patches and predicts the others.",
        "For codes to classify by, from many pictures without labels. It learns what goes together, not how to copy.",
        "He et al., Masked autoencoders are scalable vision learners, CVPR (2022)",
        Blueprint(network=Patches(), corruption=PatchMasking(), predicts=PredictsResidual()),
        data="pictures",
    ),
    Recipe(
        "denoise",
        "Takes Gaussian noise (σ = 0.1) off pictures: convolutions with skips, which learn what is to be taken off.",
        "For `isthmus restore` on pictures of any size; from photographs train with --patches. More noise: sigma=0.2.",
        "Mao, Shen & Yang, NeurIPS (2016); Zhang et al., Beyond a Gaussian denoiser, IEEE Trans. Image Proc. 26 (2017)",
        _restoring(GaussianNoise(sigma=0.1)),
        data="pictures",
    ),
    Recipe(
        "watermark",
        "Takes half-transparent words off pictures, whatever the word, its size, angle and strength.",
        "For marks of white letters (--set value=0: black); for a mark of your own give pairs with and without it.",
        "Mao, Shen & Yang, NeurIPS (2016); Dekel et al., On the effectiveness of visible watermarks, CVPR (2017)",
        _restoring(Watermark()),
        data="pictures",
    ),
    Recipe(
        "inpaint",
        "Fills holes in pictures, which it is told of: first smoothly, then with what it has learnt not to be smooth.",
        "For scratches, text and objects to be taken out. `isthmus restore` wants to know where they are (--mask).",
        "Mao, Shen & Yang, NeurIPS (2016); Pathak et al., Context encoders, CVPR (2016)",
        _restoring(Holes()).replace(distance=Psnr()),
        data="pictures",
    ),
    Recipe(
        "recolour",
        "Gives grey pictures the colours that such things had in training; their brightness stays.",
        "For pictures like those it was trained on. Where grey tells no colour it can only guess, towards the mean.",
        "Mao, Shen & Yang, NeurIPS (2016); Zhang, Isola & Efros, Colorful image colorization, ECCV (2016)",
        _restoring(Grey(), whole=False),  # colours are coarse: better so on photographs, at a third of the time
        data="colour",
    ),
    Recipe(
        "upscale",
        "Pictures twice as high and wide, sharper than interpolation makes them; --set factor=4 for four times.",
        "For small pictures that were made smaller by a good filter. Large ones with noise want denoise first.",
        "Mao, Shen & Yang, NeurIPS (2016); Dong et al., Image super-resolution using deep networks, TPAMI 38 (2016)",
        _restoring(Shrink()),
        data="pictures",
    ),
    Recipe(
        "sharpen",
        "Undoes a Gaussian blur (σ = 1.5 pixels).",
        "For pictures that are a little out of focus. Tell it how much: --set corruption.sigma=2.",
        "Mao, Shen & Yang, NeurIPS (2016)",
        _restoring(Blur(sigma=1.5)),
        data="pictures",
    ),
)


class Recipes(dict[str, Recipe]):
    """The recipes by name; printed, or shown in a notebook, they are a table of what each is and when to choose it."""

    def __repr__(self) -> str:
        indent = max(map(len, self), default=0) + 2
        lines = [
            textwrap.fill(
                f"{row.name:{indent}}{row.summary} {row.advice}", 110, subsequent_indent=" " * indent, tabsize=1
            )
            for row in self.values()
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = (
            [f"<code>{html.escape(row.name)}</code>", html.escape(row.summary), html.escape(row.advice)]
            for row in self.values()
        )
        cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr><th>recipe</th><th>what it is</th><th>when to choose it</th></tr>{cells}</table>"


RECIPES = Recipes({row.name: row for row in _ROWS})


def recipe(name: str, **options: Any) -> Blueprint:
    """The blueprint of a named recipe, with options changed (see `Blueprint.with_options`).

        recipe("deep", code=16, widths=(256, 64), distance="bce")

    Raises:
        BlueprintError: there is no such recipe or option (the nearest are named), or a value won't do.
    """
    return find_recipe(name).blueprint.with_options(**options)


def recipes() -> Recipes:
    """All recipes, by name."""
    return RECIPES


def find_recipe(name: str) -> Recipe:
    """The row of this name, or of one that means the same (`isthmus.synonyms`): "vqvae" is "vq".

    Raises:
        BlueprintError: there is none, or it could be several; the nearest are named.
    """
    if name in RECIPES:
        return RECIPES[name]
    meant = meant_recipes(str(name), RECIPES)
    if len(meant) == 1:
        return RECIPES[meant[0]]
    hint = f"Did you mean {' or '.join(map(repr, meant))}?" if meant else nearest(str(name), RECIPES)
    raise BlueprintError(f"There is no recipe {name!r}. {hint}")
