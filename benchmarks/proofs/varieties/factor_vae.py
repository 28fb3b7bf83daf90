"""A second network makes the latent dimensions independent: they follow the factors of sprites more than a VAE's."""

from benchmarks.proofs.varieties.beta_tc_vae import EPOCHS, prove

__all__ = ["EPOCHS", "prove"]
