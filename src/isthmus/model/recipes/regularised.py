"""Sparse, contractive and denoising autoencoders, dictionaries, and one-class codes."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import (
    ActivationL1,
    BatchTopK,
    CodeL0,
    Contraction,
    DeadLatents,
    DecoderL1,
    Decorrelation,
    Dense,
    Dictionary,
    Gated,
    GateError,
    GateL1,
    GaussianNoise,
    JumpRelu,
    Mse,
    OneClass,
    Pairs,
    Plain,
    Prefixes,
    SparsityKl,
    Sse,
    TopK,
)

_LATENTS = 2**14
"""The most directions of a dictionary."""
_BATCH_TOP_K = Blueprint(
    network=Dictionary(),
    code=BatchTopK(size="wide", most=_LATENTS, k="auto"),
    distance=Mse(link="identity"),
    penalties=(DeadLatents(),),
)
ROWS = (
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
        _BATCH_TOP_K.replace(
            code=Gated(size="wide", most=_LATENTS, threshold="auto"), penalties=(GateL1(weight="auto"), GateError())
        ),
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
        "one-class",
        "The codes of usual samples are drawn to a centre; the distance from it is the anomaly score (Deep SVDD).",
        "To detect anomalies by the code where the training data have none. isthmus detect uses its distance.",
        "Ruff et al., Deep one-class classification, ICML (2018)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(128, 64), activation="leaky-relu", encoder_bias=False),
            code=OneClass(size="wide"),  # a narrow one would lose what anomalies differ in
        ),
    ),
)
