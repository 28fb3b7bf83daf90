"""Proofs: what each variety and each use is for, measured on real data next to a simple baseline."""
