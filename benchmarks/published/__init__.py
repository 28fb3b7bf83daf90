"""The published table of Pythae: log-likelihoods of MNIST, repeated with the recipes at the same networks."""
