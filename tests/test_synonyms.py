"""Words of other libraries: taken where they mean one thing, explained where they do not."""

import pytest

import isthmus as ist
from isthmus import synonyms
from isthmus.errors import BlueprintError
from isthmus.training import Settings


@pytest.mark.parametrize(
    ("given", "recipe"),
    [
        ("vqvae", "vq"),
        ("VQ-VAE", "vq"),
        ("betavae", "beta-vae"),
        ("Beta_VAE", "beta-vae"),
        ("vanilla_ae", "vanilla"),
        ("variational", "vae"),
        ("variational-autoencoder", "vae"),
        ("Sparse Autoencoder", "sparse"),
        ("denoise", "denoise"),
        ("denoising autoencoder", "denoising"),
        ("convolutional", "conv"),
    ],
)
def test_recipes_are_found_by_their_other_names(given, recipe):
    assert ist.recipe(given) == ist.recipe(recipe)


PYTHAE = (
    "AE VAE BetaVAE DisentangledBetaVAE disentangled-beta-vae FactorVAE BetaTCVAE VAE_LinNF vae_lin_nf VAE_IAF IWAE "
    "MIWAE PIWAE CIWAE VAMP HVAE RHVAE WAE_MMD INFOVAE_MMD VQVAE SVAE PoincareVAE pvae Adversarial_AE VAEGAN RAE_L2 "
    "RAE_GP MSSSIM_VAE"
)
AUTOENCODERS = (
    "aae ae betatcvae betavae cae dae dipvae dvae factorvae fsq gumbelvq hvae infovae klsae mmdvae opqvae pqvae rfsq "
    "rqvae sae semhash topksae vae vamppriorvae vqvae vqvae2 wae"
)


@pytest.mark.parametrize("name", [*PYTHAE.split(), *AUTOENCODERS.split()])
def test_every_variety_of_other_packages_is_found_by_its_name_there(name):
    if name.lower() in {"ae", "cae", "dae", "hvae", "sae", "topksae"}:  # two recipes have this name
        with pytest.raises(BlueprintError, match=r"Did you mean '.*' or '"):
            ist.recipe(name)
    else:
        assert ist.recipe(name)


@pytest.mark.parametrize(
    ("given", "recipe"),
    [
        ("disentangled-beta-vae", "capacity-vae"),
        ("vae_lin_nf", "planar-vae"),
        ("RHVAE", "riemannian-vae"),
        ("PoincareVAE", "poincare-vae"),
        ("rqvae", "rvq"),
        ("dvae", "denoising-vae"),
        ("mmdvae", "info-vae"),
        ("RAE_L2", "rae"),
    ],
)
def test_the_recipes_by_names_of_other_packages_are_the_same_varieties(given, recipe):
    assert ist.recipe(given) == ist.recipe(recipe)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("autoencoder", "'deep' or 'vanilla'"),
        ("cae", "'conv' or 'contractive'"),
        ("dae", "'denoising' or 'denoise'"),
        ("depe", "'deep'"),
        ("", "Known:"),
    ],
)
def test_a_name_of_several_recipes_is_answered_with_them(given, hint):
    with pytest.raises(BlueprintError, match=hint):
        ist.recipe(given)


@pytest.mark.parametrize(
    ("recipe", "given", "meant"),
    [
        ("deep", {"latent_dim": 8}, {"code": 8}),
        ("deep", {"hidden_dims": (64, 32)}, {"widths": (64, 32)}),
        ("deep", {"loss": "bce"}, {"distance": "bce"}),
        ("vae", {"beta": 2.0}, {"kl__weight": 2.0}),
        ("vae-gan", {"beta": 2.0}, {"kl__weight": 2.0}),
        ("vq", {"num_embeddings": 64}, {"entries": 64}),
        ("denoising", {"noise_std": 0.3}, {"sigma": 0.3}),
        ("conv", {"filters": (8, 16)}, {"channels": (8, 16)}),
    ],
)
def test_options_are_taken_by_their_other_names(recipe, given, meant):
    assert ist.recipe(recipe, **given) == ist.recipe(recipe, **meant)


@pytest.mark.parametrize("word", ["lr", "optimizer", "epoch", "learning_rate", "batch_size", "seed"])
def test_settings_are_told_from_options(word):
    name = synonyms.SETTINGS.get(word, word)
    with pytest.raises(BlueprintError, match=rf"'{word}' is not a model option .* Give {name}= "):
        ist.recipe("deep", **{word: 1})


def test_option_that_a_model_has_not_is_named_by_our_word():
    with pytest.raises(BlueprintError, match=r"'beta'.*it means 'kl\.weight', which this model doesn't have"):
        ist.recipe("deep", beta=4)


def test_settings_are_taken_by_their_other_names():
    given = Settings(lr=0.01, optimizer="sgd", epoch=3, batch=16, random_state=5)  # pyright: ignore[reportCallIssue]
    assert given == Settings(learning_rate=0.01, optimiser="sgd", epochs=3, batch_size=16, seed=5)
    assert Settings().replace(lr=0.5) == Settings(learning_rate=0.5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lr": 1, "learning_rate": 2}, "'learning_rate' is given twice"),
        ({"latent_dim": 2}, r"'latent_dim' is no setting of training.*code="),
        ({"epcohs": 2}, "Did you mean 'epochs'"),
        ({"lr": -1}, "learning_rate"),
    ],
)
def test_what_is_no_setting_is_explained(given, said):
    with pytest.raises(BlueprintError, match=said):
        Settings(**given)


def test_every_synonym_names_something_that_there_is():
    assert set(synonyms.SETTINGS.values()) <= set(Settings.model_fields)
    assert not set(synonyms.SETTINGS) & set(Settings.model_fields)
    assert set(Settings.model_fields) >= synonyms.TRAINING
    options = {name for row in ist.recipes().values() for name in row.blueprint.options()}
    assert {name.removeprefix("kl.") for name in synonyms.OPTIONS.values()} <= options
    assert not set(synonyms.OPTIONS) & options
    assert {name for names in synonyms.RECIPES.values() for name in names} <= set(ist.recipes())


def test_recipes_print_as_a_table_and_are_found_by_name():
    listed = ist.recipes()
    assert len(str(listed).splitlines()) > len(listed)
    assert len(repr(listed)) < 1000
    assert listed["deep"].summary in listed._repr_html_()
    assert "<code>deep</code>" in listed._repr_html_()
    assert list(listed) == list(ist.RECIPES)


def test_the_version_is_said():
    from importlib.metadata import version

    assert ist.__version__ == version("isthmus")
    assert "__version__" in dir(ist)


def test_parts_of_the_library_need_no_import_of_their_own():
    assert ist.parts.Dense().kind == "dense"
    assert all(hasattr(ist, name) for name in ist.__all__)
