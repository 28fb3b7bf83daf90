"""Quantised codes."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import CodeEntropy, Conv, Dense, Fsq, Gumbel, Hash, Kl, Lfq, Likelihood, Pq, Rfsq, Rvq, Vq, Vq2

ROWS = (
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
        "rfsq",
        "fsq in two rounds: the second rounds what the first leaves. Three vectors of four numbers; 60 bits a sample.",
        "Like rvq, without books to learn: the indices of the first round alone give a rough reconstruction.",
        "Mentzer et al., Finite scalar quantization, ICLR (2024); in rounds: ResidualFSQ of vector-quantize-pytorch",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)), code=Rfsq(size="auto", most=12, levels=(8, 5, 5, 5))
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
        "opq",
        "Optimised product quantisation: pq after a learnt rotation of the code, which is undone afterwards; 64 bits.",
        "Like pq, if it is not known which numbers of the code belong together. The rotation takes little time.",
        "Ge, He, Ke & Sun, Optimized product quantization, TPAMI 36 (2014)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(512,)),
            code=Pq(size="auto", most=64, entries=256, rotated=True),
        ),
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
)
