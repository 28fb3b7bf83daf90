"""Models for series, text, music, sound, graphs and tables."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import (
    ColumnLikelihood,
    Columns,
    Conv,
    GaussianCode,
    GraphConv,
    Gru,
    Hide,
    Kl,
    Likelihood,
    Links,
    Mse,
    Plain,
    Table,
    TokenNoise,
    Tokens,
    Transformer,
)

ROWS = (
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
)
