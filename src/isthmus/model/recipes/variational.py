"""Variational autoencoders: posteriors, priors and bounds."""

from isthmus.model.blueprint import Blueprint
from isthmus.model.recipe import Recipe
from isthmus.parts import (
    CodeNorm,
    Conv,
    Covariance,
    DecoderNorm,
    Dense,
    ExemplarPrior,
    FittedPrior,
    FlowPrior,
    GaussianCode,
    GaussianNoise,
    Gyroplane,
    Hamiltonian,
    Hyperspherical,
    Iaf,
    IndependenceAdversary,
    Joint,
    Kl,
    Ladder,
    Likelihood,
    LogMeanExp,
    MixturePrior,
    Mmd,
    MsSsim,
    Plain,
    Planar,
    Poincare,
    Riemannian,
    Sse,
    TotalCorrelation,
    TwoStage,
    VampPrior,
)

_VAE = Blueprint(
    network=Dense(widths="auto", most_widths=(400,)),
    code=GaussianCode(size="auto", most=20),
    distance=Likelihood(),
    penalties=(Kl(),),
)
_CONV_VAE = _VAE.replace(network=Conv(channels=(32, 64), form="strided", activation="silu"))
ROWS = (
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
        _CONV_VAE,
    ),
    Recipe(
        "denoising-vae",
        "A VAE that reconstructs clean samples from samples with Gaussian noise (σ = 0.5).",
        "To draw several restored samples of a noisy one, and for smoother codes than vae's. For other damage: "
        "corruption=masking.",
        "Im et al., Denoising criterion for variational auto-encoding framework, AAAI (2017)",
        _VAE.replace(corruption=GaussianNoise(sigma=0.5)),
    ),
    Recipe(
        "ms-ssim-vae",
        "conv-vae whose distance is the structural similarity at several scales, MS-SSIM, and a small absolute error.",
        "For draws and reconstructions of pictures whose edges look right. It has no likelihood.",
        "Snell et al., Learning to generate images with perceptual similarity metrics, ICIP (2017)",
        _CONV_VAE.replace(distance=MsSsim(), penalties=(Kl(weight=1e-3),)),
        data="pictures",
    ),
    Recipe(
        "beta-vae",
        "A VAE whose KL has a weight of 4 (less for small samples). It uses fewer, more specific latent dimensions.",
        "For latent dimensions with separate meanings, at the cost of sharpness. A weight below 1 does the opposite.",
        "Higgins et al., β-VAE: learning basic visual concepts with a constrained variational framework, ICLR (2017)",
        _VAE.replace(penalties=(Kl(weight="auto"),)),
    ),
    Recipe(
        "capacity-vae",
        "A β-VAE with a KL of growing size: 25 nats from the tenth epoch on, held by a weight of 10.",
        "For latent dimensions with separate meanings that are learnt one after the other, sharper than beta-vae's. "
        "kl.capacity is the nats that a code may have in the end.",
        "Burgess et al., Understanding disentangling in β-VAE (2018)",
        _VAE.replace(penalties=(Kl(weight=10.0, capacity=25.0, capacity_epochs=10.0),)),
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
        "rae-gp",
        "rae whose decoder is kept smooth by the norm of its derivative, in place of the norm of its weights.",
        "Like rae, if its reconstructions are blurred: only steep places are penalised. It takes twice as long.",
        "Ghosh et al., From variational to deterministic autoencoders, ICLR (2020)",
        Blueprint(
            network=Dense(widths="auto", most_widths=(400,)),
            code=Plain(size="auto", most=20, prior=FittedPrior()),
            distance=Sse(),
            penalties=(CodeNorm(weight=0.1), DecoderNorm(weight=1e-3, form="gradient")),
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
        "hamiltonian-vae",
        "A VAE whose codes move, after they are drawn, along the gradient of log p(x, z): three leapfrog steps.",
        "For a higher likelihood without more weights. A step takes about four times as long as a VAE's.",
        "Caterini, Doucet & Sejdinovic, Hamiltonian variational auto-encoder, NeurIPS (2018)",
        _VAE.replace(code=Hamiltonian(size="auto", most=20)),
    ),
    Recipe(
        "riemannian-vae",
        "hamiltonian-vae in a latent space with a learnt metric, by which new samples are drawn near the codes.",
        "To draw new samples from a model of few training samples, such as for data augmentation. It takes ten times "
        "as long as a VAE.",
        "Chadebec et al., Data augmentation in high dimensional low sample size setting using a geometry-based VAE, "
        "TPAMI (2022)",
        _VAE.replace(code=Riemannian(size="auto", most=10)),
    ),
    Recipe(
        "hyperspherical-vae",
        "A VAE whose codes are directions: points on a sphere, drawn from a von Mises–Fisher distribution.",
        "For data of clusters or of directions, with few latent dimensions. Compare codes by their cosine.",
        "Davidson et al., Hyperspherical variational auto-encoders, UAI (2018)",
        _VAE.replace(code=Hyperspherical(size="auto", most=10)),
    ),
    Recipe(
        "poincare-vae",
        "A VAE whose codes are points of hyperbolic space, whose room grows exponentially with the distance from 0.",
        "For data that form a hierarchy, such as a tree of kinds, with few latent dimensions. General samples lie near "
        "0 and specific ones near the edge.",
        "Mathieu et al., Continuous hierarchical representations with Poincaré variational auto-encoders, NeurIPS "
        "(2019)",
        _VAE.replace(network=Gyroplane(widths="auto", most_widths=(400,)), code=Poincare(size="auto", most=10)),
    ),
    Recipe(
        "ladder-vae",
        "A VAE with two levels of code: the upper level is drawn first and gives the prior of the lower level.",
        "For codes in which a few latent dimensions describe the whole sample and the others describe the detail. The "
        "KL grows over four epochs; otherwise the lower level would stay unused.",
        "Sønderby et al., Ladder variational autoencoders, NeurIPS (2016)",
        _VAE.replace(code=Ladder(size="auto", most=12), penalties=(Kl(warmup=4.0),)),
    ),
)
