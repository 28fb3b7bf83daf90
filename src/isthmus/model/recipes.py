"""The recipes: named blueprints. Each is one row, with its purpose and its source."""

from typing import Any

from isthmus.data.data import Data
from isthmus.errors import BlueprintError, nearest
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe, Recipes
from isthmus.parts import (
    ActivationL1,
    BatchTopK,
    Blur,
    CodeAdversary,
    CodeEntropy,
    CodeL0,
    CodeNorm,
    ColumnLikelihood,
    Columns,
    Contraction,
    Conv,
    Corruption,
    Covariance,
    DeadLatents,
    DecoderL1,
    DecoderNorm,
    Decorrelation,
    Dense,
    Dictionary,
    ExemplarPrior,
    FittedPrior,
    FlowPrior,
    Fsq,
    Gated,
    GateError,
    GateL1,
    Gaussian,
    GaussianCode,
    GaussianNoise,
    Gdn,
    GraphConv,
    Grey,
    Gru,
    Gumbel,
    Hash,
    Hide,
    Holes,
    Hyper,
    Hyperspherical,
    Iaf,
    IndependenceAdversary,
    Joint,
    JumpRelu,
    Kl,
    Ladder,
    Lfq,
    Likelihood,
    Links,
    LogMeanExp,
    MixturePrior,
    Mmd,
    Mse,
    OutputAdversary,
    Pairs,
    Patches,
    PatchMasking,
    Plain,
    Planar,
    Pq,
    PredictsResidual,
    Prefixes,
    Psnr,
    Residual,
    Rounded,
    Rvq,
    Shrink,
    Sinkhorn,
    Sliced,
    SparsityKl,
    Sse,
    Table,
    TokenNoise,
    Tokens,
    TopK,
    TotalCorrelation,
    Transformer,
    TwoStage,
    VampPrior,
    Vq,
    Vq2,
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
_WAE = Blueprint(
    network=Dense(widths="auto", most_widths=(256,)),
    code=Plain(size="auto", most=8),
    distance=Sse(),
    penalties=(Mmd(weight=300.0),),
)
_LATENTS = 2**14
"""The most directions of a dictionary."""
_BATCH_TOP_K = Blueprint(
    network=Dictionary(),
    code=BatchTopK(size="wide", most=_LATENTS, k="auto"),
    distance=Mse(link="identity"),
    penalties=(DeadLatents(),),
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
        "topk",
        "A dictionary of directions: at most 25 of them, the largest, describe each sample. Dead ones are revived.",
        "For the activations of another network, with an exact number of active features. Scale them with scaling=rms.",
        "Gao et al., Scaling and evaluating sparse autoencoders (2024)",
        _BATCH_TOP_K.replace(code=TopK(size="wide", most=_LATENTS, k="auto", rectified=True)),
    ),
    Recipe(
        "batch-topk",
        "A dictionary whose samples have 25 active directions on average: the largest of a batch are kept.",
        "The first choice for activations of another network: complex samples get more features than simple ones.",
        "Bussmann, Leask & Nanda, BatchTopK sparse autoencoders (2024)",
        _BATCH_TOP_K,
    ),
    Recipe(
        "matryoshka",
        "batch-topk whose first 1/32, 3/32, 7/32 and 15/32 of the directions must also reconstruct the samples alone.",
        "For a dictionary in which specific features don't swallow the general ones (feature absorption).",
        "Bussmann et al., Learning multi-level features with Matryoshka sparse autoencoders, ICML (2025)",
        _BATCH_TOP_K.replace(penalties=(Prefixes(), DeadLatents())),
    ),
    Recipe(
        "jumprelu",
        "A dictionary with a learnt threshold for each direction; the number of active directions is penalised.",
        "For a dictionary without a fixed number of active features. A larger weight leaves fewer active.",
        "Rajamanoharan et al., Jumping ahead: improving reconstruction fidelity with JumpReLU SAEs (2024)",
        _BATCH_TOP_K.replace(code=JumpRelu(size="wide", most=_LATENTS), penalties=(CodeL0(weight="auto"),)),
    ),
    Recipe(
        "gated",
        "A dictionary whose gates decide which directions are active; only the gates are penalised (L1).",
        "Like an L1 penalty, without its fault: active features keep their size. A larger weight leaves fewer active.",
        "Rajamanoharan et al., Improving dictionary learning with gated sparse autoencoders, NeurIPS (2024)",
        _BATCH_TOP_K.replace(code=Gated(size="wide", most=_LATENTS), penalties=(GateL1(weight="auto"), GateError())),
    ),
    Recipe(
        "crosscoder",
        "One dictionary for several layers of another network: each direction has a part, with a norm, in each layer.",
        "For features that persist over layers, or that two models share. Give samples of shape (layers, numbers).",
        "Lindsey et al., Sparse crosscoders for cross-layer features and model diffing, Transformer Circuits (2024)",
        _BATCH_TOP_K.replace(
            network=Dictionary(unit=False),
            code=Plain(size="wide", most=_LATENTS, activation="relu"),
            penalties=(DecoderL1(weight="auto"),),
        ),
    ),
    Recipe(
        "transcoder",
        "A dictionary whose input isn't its output, such as those of a layer: batch-topk for data in pairs.",
        "To replace a layer of another network by sparse features. Give its outputs, and its inputs as damaged=.",
        "Dunefsky, Chlenski & Nanda, Transcoders find interpretable LLM feature circuits, NeurIPS (2024)",
        _BATCH_TOP_K.replace(network=Dictionary(centred=False), corruption=Pairs()),
        data="pairs",
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
        "beta-tc-vae",
        "A VAE with a penalty on the total correlation of its latent dimensions, which become independent.",
        "For latent dimensions with separate meanings, with sharper reconstructions than beta-vae. Use large batches.",
        "Chen et al., Isolating sources of disentanglement in VAEs, NeurIPS (2018)",
        _VAE.replace(penalties=(Kl(), TotalCorrelation())),
    ),
    Recipe(
        "factor-vae",
        "Like beta-tc-vae, but a rival network estimates the total correlation: it learns to detect shuffled codes.",
        "For latent dimensions with separate meanings, if batches are too small for beta-tc-vae. It takes longer.",
        "Kim & Mnih, Disentangling by factorising, ICML (2018)",
        _VAE.replace(penalties=(Kl(), IndependenceAdversary())),
    ),
    Recipe(
        "dip-vae",
        "A VAE whose codes have a covariance near the identity: uncorrelated latent dimensions of variance 1.",
        "For uncorrelated latent dimensions that all stay in use. Set of=means for DIP-VAE-I; the default is II.",
        "Kumar, Sattigeri & Balakrishnan, Variational inference of disentangled latent concepts, ICLR (2018)",
        _VAE.replace(penalties=(Kl(), Covariance())),
    ),
    Recipe(
        "info-vae",
        "A VAE with a small KL, whose codes as a whole match the prior by MMD. A code tells more about its sample.",
        "For codes to use as features that can also be drawn, or if a strong decoder ignores the code. With "
        "kl.weight=0 it is the MMD-VAE.",
        "Zhao, Song & Ermon, InfoVAE: balancing learning and inference in variational autoencoders, AAAI (2019)",
        _VAE.replace(penalties=(Kl(weight=0.2), Mmd(weight=100.0))),
    ),
    Recipe(
        "joint-vae",
        "A VAE whose code is Gaussian numbers and a choice among 10 classes, drawn by the Gumbel-softmax.",
        "To find classes without labels, and numbers that describe what varies within them. Set categories=3,5 for two "
        "variables with 3 and 5 classes.",
        "Dupont, Learning disentangled joint continuous and discrete representations, NeurIPS (2018)",
        _VAE.replace(
            code=Joint(size="auto"),
            penalties=(
                Kl(weight=30.0, capacity=5.0, capacity_epochs=5.0, over="numbers"),
                Kl(weight=30.0, capacity=2.0, capacity_epochs=5.0, over="categories"),
            ),
        ),
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
        _VAE.replace(code=GaussianCode(size="auto", most=20, draws=5), bound=LogMeanExp()),
    ),
    Recipe(
        "miwae",
        "iwae with ten draws in five groups: the mean of five importance-weighted bounds of two draws each.",
        "Between vae and iwae: the encoder gets a gradient with less noise. More draws a group tighten the bound.",
        "Rainforth et al., Tighter variational bounds are not necessarily better, ICML (2018)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, draws=10), bound=LogMeanExp(groups=5)),
    ),
    Recipe(
        "piwae",
        "iwae with ten draws whose decoder learns by the tightest bound, and whose encoder by that of miwae.",
        "For the likelihood of iwae with a better encoder. It takes as long as iwae with as many draws.",
        "Rainforth et al., Tighter variational bounds are not necessarily better, ICML (2018)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, draws=10), bound=LogMeanExp(encoder_groups=5)),
    ),
    Recipe(
        "ciwae",
        "iwae whose bound is mixed with the ELBO, half and half.",
        "Between vae and iwae by one number: mean_share=1 is a vae, 0 is iwae.",
        "Rainforth et al., Tighter variational bounds are not necessarily better, ICML (2018)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, draws=5), bound=LogMeanExp(mean_share=0.5)),
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
        "mixture-vae",
        "A VAE with a learnt prior: a mixture of 50 normal distributions.",
        "The simplest prior that learns. vamp-vae and flow-vae reach a higher likelihood and take longer.",
        "Dilokthanakul et al., Deep unsupervised clustering with Gaussian mixture VAEs (2016)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=MixturePrior())),
    ),
    Recipe(
        "exemplar-vae",
        "A VAE whose prior has a normal distribution around the code of each training sample.",
        "For draws like single training samples, and for codes whose neighbours are alike. Use batches of a hundred "
        "samples or more.",
        "Norouzi, Fleet & Norouzi, Exemplar VAE, NeurIPS (2020)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=ExemplarPrior())),
    ),
    Recipe(
        "two-stage-vae",
        "A VAE, and a second, small VAE that learns the distribution of its codes after training.",
        "For better draws from a VAE that you train as usual. The second stage takes at most 3,000 short steps.",
        "Dai & Wipf, Diagnosing and enhancing VAE models, ICLR (2019)",
        _VAE.replace(code=GaussianCode(size="auto", most=20, prior=TwoStage())),
    ),
    Recipe(
        "rae",
        "A plain code with a small norm, a smooth decoder, and a mixture that is fitted to the codes after training.",
        "To draw new samples from a model without random codes: reconstructions are sharper than a VAE's.",
        "Ghosh et al., From variational to deterministic autoencoders, ICLR (2020)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(400,)),
            code=Plain(size="auto", most=20, prior=FittedPrior()),
            distance=Sse(),
            penalties=(CodeNorm(weight=0.1), DecoderNorm()),
        ),
    ),
    Recipe(
        "iaf-vae",
        "A VAE whose posterior is bent by an inverse autoregressive flow, so that its latent dimensions are dependent.",
        "For a higher likelihood with the standard normal prior. It needs isthmus[flow].",
        "Kingma et al., Improved variational inference with inverse autoregressive flow, NeurIPS (2016)",
        _VAE.replace(code=Iaf(size="auto", most=20)),
    ),
    Recipe(
        "planar-vae",
        "A VAE whose posterior is bent by eight planar layers, which the encoder makes for each sample.",
        "Between vae and iaf-vae. It needs no further package and has no weights of its own.",
        "Rezende & Mohamed, Variational inference with normalizing flows, ICML (2015)",
        _VAE.replace(code=Planar(size="auto", most=20)),
    ),
    Recipe(
        "hyperspherical-vae",
        "A VAE whose codes are directions: points on a sphere, drawn from a von Mises–Fisher distribution.",
        "For data of clusters or of directions, with few latent dimensions. Compare codes by their cosine.",
        "Davidson et al., Hyperspherical variational auto-encoders, UAI (2018)",
        _VAE.replace(code=Hyperspherical(size="auto", most=10)),
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
        _WAE,
    ),
    Recipe(
        "sliced-wae",
        "Like wae, with a sliced Wasserstein distance: codes and prior are compared along random directions.",
        "When wae's kernel is too coarse: there is none to choose. Use batches of a hundred samples or more.",
        "Kolouri et al., Sliced Wasserstein auto-encoders, ICLR (2019)",
        _WAE.replace(penalties=(Sliced(),)),
    ),
    Recipe(
        "sinkhorn-wae",
        "Like wae, with the cost of moving the codes to draws of the prior, by Sinkhorn's iterations.",
        "For small codes whose whole distribution should be the prior's. It takes longer than wae.",
        "Patrini et al., Sinkhorn autoencoders, UAI (2019)",
        _WAE.replace(penalties=(Sinkhorn(),)),
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
        "To find missing edges of a graph, or for a code of each node. Read matrices and edges with kind=graph.",
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
        "pq",
        "Product quantisation: eight slices of the code, each with a book of 256 entries of its own; 64 bits a sample.",
        "Like vq, if the places of the code mean different things: each learns its own entries, at the cost of more.",
        "Jégou, Douze & Schmid, Product quantization for nearest neighbor search, TPAMI 33 (2011)",
        Blueprint(network=Dense(widths="auto", most_widths=(512,)), code=Pq(size="auto", most=64, entries=256)),
    ),
    Recipe(
        "lfq",
        "Lookup-free quantisation: 64 signs, eight to an index of 256 values; an entropy penalty keeps all in use.",
        "Like vq, for large vocabularies: there is no book to search, so 2¹⁶ entries cost no more than 2⁸.",
        "Yu et al., Language model beats diffusion: tokenizer is key to visual generation, ICLR (2024)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Lfq(size="auto", most=64),
            penalties=(CodeEntropy(weight=0.003),),
        ),
    ),
    Recipe(
        "vq2",
        "VQ-VAE-2: a coarse map of vectors for the whole, a fine one for the detail, each with a book of 256 entries.",
        "For larger pictures. The coarse indices alone give the layout, which a sequence model draws first.",
        "Razavi, van den Oord & Vinyals, Generating diverse high-fidelity images with VQ-VAE-2, NeurIPS (2019)",
        Blueprint(
            network=Conv(channels=(32, 64), form="strided", activation="silu", code_channels=32),
            code=Vq2(entries=256),
        ),
        data="pictures",
    ),
    Recipe(
        "gumbel",
        "A VAE of symbols: 16 variables of 16 values, relaxed by Gumbel-softmax while it learns; 64 bits a sample.",
        "For codes of categories with a likelihood and a uniform prior, from which new samples are drawn.",
        "Jang, Gu & Poole, Categorical reparameterization with Gumbel-softmax, ICLR (2017)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Gumbel(size="auto", most=256),
            distance=Likelihood(),
            penalties=(Kl(),),
        ),
    ),
    Recipe(
        "hashing",
        "Semantic hashing: 64 bits a sample, noisy while they learn, so that similar samples get similar bits.",
        "To search for similar samples: `isthmus search` compares a million codes in milliseconds.",
        "Salakhutdinov & Hinton, Semantic hashing, Int. J. Approximate Reasoning 50 (2009)",
        Blueprint(network=Dense(widths="auto", most_widths=(512,)), code=Hash(size="auto", most=64)),
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
