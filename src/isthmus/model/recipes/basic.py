"""Basic autoencoders."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import Conv, Dense, ExtremeLearning, Mse, Plain, RandomFeatures, Sse

ROWS = (
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
        "random-features",
        "PCA with a nonlinear decoder in closed form: 1,000 random units, and a readout by ridge regression.",
        "The fast nonlinear baseline: no descent, no settings, seconds. If a network isn't better, don't train one.",
        "Rahimi & Recht, Random features for large-scale kernel machines, NeurIPS (2007)",
        Blueprint(
            network=RandomFeatures(),
            code=Plain(size="auto"),
            distance=Mse(link="identity"),
            solution="closed form",
        ),
    ),
    Recipe(
        "extreme-learning",
        "An encoder from the transposed readouts of random networks, in closed form; widths= stacks several.",
        "To compare with ELM-AE and ML-ELM. random-features, whose encoder is PCA, has the smaller error.",
        "Kasun, Zhou, Huang & Vong, Representational learning with extreme learning machine for big data, IEEE "
        "Intelligent Systems 28 (2013)",
        Blueprint(
            network=ExtremeLearning(),
            code=Plain(size="auto"),
            distance=Mse(link="identity"),
            solution="closed form",
        ),
    ),
    Recipe(
        "tied",
        "The decoder is the encoder's transpose (W and Wᵀ), so it has half the weights. It learns PCA's subspace.",
        "For fewer weights, which overfit less. An activation, such as code.activation=sigmoid, makes it nonlinear.",
        "Baldi & Hornik, Neural networks and principal component analysis (1989)",
        Blueprint(network=Dense(tied=True), code=Plain(size="auto"), distance=Sse(link="identity")),
    ),
)
