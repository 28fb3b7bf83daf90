"""The recipes: named blueprints. Each is one row, with its purpose and its source."""

from typing import Any

from isthmus.data.data import Data
from isthmus.errors import BlueprintError, nearest
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe, Recipes
from isthmus.parts import (
    ActivationL1,
    Blur,
    CodeAdversary,
    ColumnLikelihood,
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
    Gdn,
    GraphConv,
    Grey,
    Gru,
    Hide,
    Holes,
    Hyper,
    Kl,
    Ladder,
    Likelihood,
    Links,
    Mmd,
    Mse,
    OutputAdversary,
    Patches,
    PatchMasking,
    Plain,
    PredictsResidual,
    Psnr,
    Residual,
    Rounded,
    Rvq,
    Shrink,
    SparsityKl,
    Sse,
    Table,
    TokenNoise,
    Tokens,
    TopK,
    Transformer,
    VampPrior,
    Vq,
    Watermark,
)
from isthmus.synonyms import meant_recipes


def _restoring(corruption: Corruption, whole: bool = True) -> Blueprint:
    """A restorer: pictures with this corruption, rounded to bytes, and a network that predicts the residual."""
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
        "One layer in the encoder and one in the decoder: 784-32-784 on digits.",
        "The smallest autoencoder. Use it to explain the idea, and as a baseline for the others.",
        "Rumelhart, Hinton & Williams, Learning internal representations by error propagation (1986)",
        Blueprint(network=Dense(), code=Plain(size="auto", activation="relu")),
    ),
    Recipe(
        "multilayer",
        "One hidden layer in the encoder and one in the decoder: 784-128-64-128-784 on digits.",
        "Use it when one layer is not enough and time is short.",
        "Hubens, Deep inside: Autoencoders (2018)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(128,)),
            code=Plain(size="auto", most=64, activation="relu"),
        ),
    ),
    Recipe(
        "deep",
        "Hidden layers that narrow towards the code: 784-128-64-32-64-128-784 on digits.",
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
        "Convolutions and pooling, mirrored by upsampling. The code is a small feature map (8×4×4 on digits).",
        "For pictures, also for pictures unlike the training data: it learns strokes, not whole digits.",
        "Masci et al., Stacked convolutional auto-encoders for hierarchical feature extraction, ICANN (2011)",
        Blueprint(network=Conv(), code=Plain(activation="relu"), distance=Mse()),
        data="pictures",
    ),
    Recipe(
        "pca",
        "Principal component analysis: the best linear autoencoder, in closed form.",
        "The baseline. If it does as well as a network, use PCA: it is exact, fast and has no settings.",
        "Pearson (1901); Baldi & Hornik, Neural networks and principal component analysis (1989)",
        Blueprint(
            network=Dense(tied=True), code=Plain(size="auto"), distance=Sse(link="identity"), solution="closed form"
        ),
    ),
    Recipe(
        "tied",
        "The decoder is the encoder's transpose (W and Wᵀ), so it has half the weights. It learns PCA's subspace.",
        "For fewer weights, which overfit less. An activation, such as code.activation=sigmoid, makes it nonlinear.",
        "Baldi & Hornik, Neural networks and principal component analysis (1989)",
        Blueprint(network=Dense(tied=True), code=Plain(size="auto"), distance=Sse(link="identity")),
    ),
    Recipe(
        "sparse",
        "A few of 256 units describe each sample: activations are penalised (L1). 784-64-256-64-784 on digits.",
        "For codes that you want to interpret or search: each active unit has a meaning. A larger weight leaves fewer "
        "units active.",
        "Ng, Sparse autoencoder, CS294A lecture notes (2011), with the L1 norm in place of the KL",
        Blueprint(
            network=Dense(widths="auto", most_widths=(64,)),
            code=Plain(size="wide", most=256, activation="relu"),
            penalties=(ActivationL1(weight="auto"),),
        ),
    ),
    Recipe(
        "sparse-kl",
        "Each of 64 units is active for one sample in ten: the KL of its mean activation from that rate is penalised.",
        "Use it to choose the rate of activity instead of searching for a weight. Every unit is then equally active.",
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
        "The code keeps the 25 largest of 1,000 units. The decoder is the encoder's transpose.",
        "Use it when an exact number of units should describe each sample. There is no weight to choose.",
        "Makhzani & Frey, k-sparse autoencoders, ICLR (2014)",
        Blueprint(network=Dense(tied=True), code=TopK(size="wide", most=1000, k="auto"), distance=Mse(link="identity")),
    ),
    Recipe(
        "contractive",
        "A code that changes little when the sample does: its derivative is penalised. Tied, 784-256-784 on digits.",
        "For codes that ignore small changes of the input, for example as features for a classifier.",
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
        "Decorrelated latent dimensions: their squared correlations are penalised. 784-256-16 on digits.",
        "For codes that you interpret one latent dimension at a time, like principal components, but nonlinear.",
        "Cogswell et al., Reducing overfitting in deep networks by decorrelating representations, ICLR (2016)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(256,), activation="silu"),
            code=Plain(size="auto", most=16),
            penalties=(Decorrelation(weight=0.01),),
        ),
    ),
    Recipe(
        "denoising",
        "It reconstructs clean samples from samples with Gaussian noise (σ = 0.5): 784-512-128-512-784 on digits.",
        "To remove noise, and for codes that capture the structure of the data. For other damage: corruption=masking.",
        "Vincent et al., Stacked denoising autoencoders, JMLR 11 (2010)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Plain(size="auto", most=128),
            corruption=GaussianNoise(sigma=0.5),
        ),
    ),
    Recipe(
        "stacked",
        "Each layer is trained as an autoencoder of the layer below, then all together: 784-1000-500-250-30 on digits.",
        "For deep networks of logistic units, which get stuck at the mean if all layers are trained at once. With "
        "corruption=masking, each layer denoises. network.tied=true halves the weights.",
        "Hinton & Salakhutdinov, Science 313 (2006); Bengio et al. (2007); Vincent et al., JMLR 11 (2010)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(1000, 500, 250), activation="sigmoid"),
            code=Plain(size="auto", most=30),
            solution="layer by layer",
        ),
    ),
    Recipe(
        "vae",
        "Codes are drawn around a mean; a KL divergence keeps them near a normal prior: 784-400-20-400-784 on digits.",
        "To draw new samples, to estimate the likelihood of samples, and for a latent space without gaps.",
        "Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014)",
        _VAE,
    ),
    Recipe(
        "conv-vae",
        "A VAE with convolutions that halve the picture twice; 20 latent dimensions on digits.",
        "The VAE for pictures: it applies the same features at every position. It takes longer than a dense VAE.",
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
        "A VAE whose KL has a weight of 4 (less for small samples). It uses fewer, more specific latent dimensions.",
        "For latent dimensions with separate meanings, at the cost of sharpness. A weight below 1 does the opposite.",
        "Higgins et al., β-VAE: learning basic visual concepts with a constrained variational framework, ICLR (2017)",
        _VAE.replace(penalties=(Kl(weight="auto"),)),
    ),
    Recipe(
        "cvae",
        "A VAE whose encoder and decoder both get each sample's label. The code holds the rest: the style.",
        "To draw samples of a chosen class, or to change a sample's class and keep its style. The data need labels.",
        "Sohn, Lee & Yan, Learning structured output representation using deep conditional generative models, "
        "NeurIPS (2015)",
        _VAE.replace(condition="labels"),
    ),
    Recipe(
        "iwae",
        "A VAE with five draws of each code and the importance-weighted bound, which is tighter than the ELBO.",
        "For likelihoods. More draws come closer to log p(x) and use more latent dimensions; the time grows with them.",
        "Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, ICLR (2016)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, draws=5), bound="log-mean-exp"),
    ),
    Recipe(
        "vamp-vae",
        "A VAE with a learnt prior: a mixture of the posteriors of 100 pseudo-inputs, which start as samples.",
        "For a higher likelihood and more realistic draws. It takes longer: each step also encodes the pseudo-inputs.",
        "Tomczak & Welling, VAE with a VampPrior, AISTATS (2018)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=VampPrior())),
    ),
    Recipe(
        "flow-vae",
        "A VAE with a learnt prior: a normalising flow, which can take nearly any shape.",
        "For the highest likelihood of the VAEs with one level of code. A step takes longer. It needs isthmus[flow].",
        "Chen et al., Variational lossy autoencoder, ICLR (2017)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=FlowPrior())),
    ),
    Recipe(
        "ladder-vae",
        "A VAE with two levels of code: the upper level is drawn first and gives the prior of the lower level.",
        "For codes in which a few latent dimensions describe the whole sample and the others describe the detail. The "
        "KL grows over four epochs; otherwise the lower level would stay unused.",
        "Sønderby et al., Ladder variational autoencoders, NeurIPS (2016)",
        _VAE.replace(code=Ladder(size="auto", most=12), penalties=(Kl(warmup=4.0),)),
    ),
    Recipe(
        "wae",
        "Plain codes whose distribution matches a normal prior (MMD): 784-256-8-256-784 on digits.",
        "To draw new samples with a code that is not random. Use batches of a hundred samples or more.",
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
        "Plain codes that a rival network can't distinguish from draws of a normal prior: 784-256-8-256-784 on digits.",
        "Like wae, for large codes or small batches, where MMD is too coarse. The rival takes about half of the time.",
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
        "A VAE with a rival network: reconstructions match in the rival's features, and draws must look real to it.",
        "For sharp draws. Reconstructions are similar to the sample, not exact. It takes three times as long as a VAE.",
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
        "series",
        "Convolutions along time, halved three times: series (C, T), also of different lengths, to 8 numbers.",
        "The first choice for series: it is fast and trains reliably. Read the data with kind=series.",
        "Masci et al., Stacked convolutional auto-encoders, ICANN (2011), along time",
        Blueprint(network=Conv(channels=(16, 32, 32), kernel=7), code=Plain(size="auto", most=8), start="auto"),
        data="series",
    ),
    Recipe(
        "series-gru",
        "Gated recurrent units (GRUs) read a series into 8 latent dimensions and write it from first to last step.",
        "For series with dependencies over long times. It is slower than convolutions and needs more epochs.",
        "Malhotra et al., LSTM-based encoder-decoder for multi-sensor anomaly detection (2016), with GRUs",
        Blueprint(network=Gru(), code=Plain(size="auto", most=8)),
        data="series",
    ),
    Recipe(
        "text-vae",
        "GRUs read a text into at most 32 latent dimensions and write it again, each token from those before it.",
        "To draw new sentences and to blend two. Word dropout and free bits make the decoder use the code.",
        "Bowman et al., Generating sentences from a continuous space, CoNLL (2016)",
        Blueprint(
            network=Gru(widths=(256,), embedding=64, word_dropout=0.4),
            code=GaussianCode(size="auto", most=32),
            distance=Tokens(),
            penalties=(Kl(free_bits=0.5),),
        ),
        data="text",
    ),
    Recipe(
        "text-denoising",
        "A transformer reads a text with typing errors and writes it without them.",
        "To repair texts. Its code keeps a vector for each token, so it is no summary of the text.",
        "Lewis et al., BART: denoising sequence-to-sequence pre-training, ACL (2020)",
        Blueprint(network=Transformer(), code=Plain(), distance=Tokens(), corruption=TokenNoise()),
        data="text",
    ),
    Recipe(
        "music-vae",
        "GRUs read two bars of a melody into at most 64 latent dimensions and write them again, note by note.",
        "To blend two melodies and to draw new ones. For more bars: --window 16 --set network=conductor.",
        "Roberts et al., A hierarchical latent vector model for learning long-term structure in music, ICML (2018)",
        Blueprint(
            network=Gru(widths=(256,), embedding=64, word_dropout=0.2),
            code=GaussianCode(size="auto", most=64),
            distance=Tokens(),
            penalties=(Kl(weight=0.2, warmup=5),),
        ),
        data="text",
    ),
    Recipe(
        "music-roll",
        "Convolutions over the time of a piano roll, whose voices sound together; a code of at most 64 numbers.",
        "To blend pieces with chords or several voices, and to draw new ones.",
        "Masci et al., ICANN (2011); Dong et al., MuseGAN, AAAI (2018), for convolutions over piano rolls",
        Blueprint(
            network=Conv(channels=(128, 128, 128), form="strided", activation="silu"),
            code=GaussianCode(size="auto", most=64),
            distance=Likelihood(),
            penalties=(Kl(),),
        ),
        data="series",
    ),
    Recipe(
        "sound",
        "Strided convolutions on waveforms: every 256 values become 16 numbers, so 8,000 values a second become 512.",
        "For speech and other sound in .wav, .flac, .ogg or .mp3 files. To remove noise instead: --set "
        "corruption=gaussian-noise --set skips=true --set predicts=residual.",
        "Défossez et al., High fidelity neural audio compression, TMLR (2023), without its quantiser and its rivals",
        Blueprint(
            network=Conv(
                channels=(32, 64, 96, 96), kernel=9, form="strided", stride=4, activation="elu", code_channels=16
            ),
            distance=Mse(link="identity"),
        ),
        data="sound",
    ),
    Recipe(
        "gae",
        "Graph convolutions make 16 numbers of each node; their inner products say which nodes are joined.",
        "To find missing edges of a graph, or for a code of each node. Read matrices and lists of edges with kind=graph.",
        "Kipf & Welling, Variational graph auto-encoders, NeurIPS workshop (2016)",
        Blueprint(network=GraphConv(), distance=Links()),
        data="graph",
    ),
    Recipe(
        "vgae",
        "gae as a VAE: each node's numbers are drawn around a mean, and a KL is added.",
        "Like gae, with a code that says how certain it is. To draw graphs, train on many.",
        "Kipf & Welling, Variational graph auto-encoders, NeurIPS workshop (2016)",
        # the paper counts each pair twice, once on each side of the diagonal
        Blueprint(network=GraphConv(), code=GaussianCode(), distance=Links(), penalties=(Kl(weight=0.5),)),
        data="graph",
    ),
    Recipe(
        "table",
        "Tables of numbers and categories: embeddings, a loss for each type of column, and hidden cells to fill in.",
        "For tables with text columns (categorical=auto) or missing cells (missing=keep), which the model fills. "
        "Hidden cells prevent copying, even if the code is as large as the table. For a map, set code=2.",
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
        "table-vae",
        "A VAE for tables: a mixture of logistics for each number, rounded to its decimals, a softmax for categories.",
        "To draw rows, to find the likelihood of exact rows, and to store tables without loss. Read text columns with "
        "categorical=auto.",
        "Xu et al., Modeling tabular data using conditional GAN, NeurIPS (2019), whose TVAE it is",
        Blueprint(
            network=Table(widths="auto", most_widths=(256, 128), activation="silu"),
            code=GaussianCode(size="auto", most=16),
            distance=ColumnLikelihood(),
            penalties=(Kl(),),
        ),
        data="table",
    ),
    Recipe(
        "vq",
        "A code of whole numbers: eight vectors, each chosen from a book of 256 learnt entries; 64 bits a sample.",
        "To store or send samples in few bits, and for sequence models, which need symbols. For larger pictures use "
        "network=conv: each position of its map is then one vector.",
        "van den Oord, Vinyals & Kavukcuoglu, Neural discrete representation learning, NeurIPS (2017)",
        Blueprint(network=Dense(widths="auto", most_widths=(512,)), code=Vq(size="auto", most=64, entries=256)),
    ),
    Recipe(
        "rvq",
        "Four vectors and two books; the second book quantises the remainder of the first: 64 bits a sample.",
        "Use it to add bits one book at a time. The first books alone give a rough reconstruction.",
        "Zeghidour et al., SoundStream: an end-to-end neural audio codec, IEEE/ACM TASLP 30 (2021)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Rvq(size="auto", most=64, length=16, entries=256, quantisers=2),
        ),
    ),
    Recipe(
        "fsq",
        "Each number is rounded to a few levels: six vectors of four, with 8, 5, 5 and 5 levels; 60 bits a sample.",
        "Like vq, without tuning: there is no book to learn, so no entry can stay unused.",
        "Mentzer et al., Finite scalar quantization: VQ-VAE made simple, ICLR (2024)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)), code=Fsq(size="auto", most=24, levels=(8, 5, 5, 5))
        ),
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


RECIPES = Recipes({row.name: row for row in _ROWS})


def recipe(name: str, **options: Any) -> Blueprint:
    """The blueprint of a named recipe, with options changed (see `Blueprint.with_options`).

        recipe("deep", code=16, widths=(256, 64), distance="bce")

    Raises:
        BlueprintError: there is no such recipe or option (the nearest names are listed), or a value is invalid.
    """
    return find_recipe(name).blueprint.with_options(**options)


def recipes() -> Recipes:
    """All recipes, by name."""
    return RECIPES


def find_recipe(name: str) -> Recipe:
    """The recipe of this name or of a synonym (`isthmus.synonyms`): "vqvae" is "vq".

    Raises:
        BlueprintError: there is none, or the name is ambiguous; the nearest names are listed.
    """
    if name in RECIPES:
        return RECIPES[name]
    meant = meant_recipes(str(name), RECIPES)
    if len(meant) == 1:
        return RECIPES[meant[0]]
    hint = f"Did you mean {' or '.join(map(repr, meant))}?" if meant else nearest(str(name), RECIPES)
    raise BlueprintError(f"There is no recipe {name!r}. {hint}")


def usual_recipe(data: Data) -> str:
    """The name of the recipe to begin with: by whether the data are tokens, or a table with categories or holes."""
    if data.kind == "tokens" and data.medium is not None:
        return "text-vae" if data.medium.kind == "text" else "music-vae"
    mixed = data.kind == "table" and (any(data.train.categories) or data.holed)
    return "table" if mixed else "deep"
