"""A model: the composition of its parts, how it is built, and how it is saved."""
