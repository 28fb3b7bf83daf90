"""Each use of a model works: by a number on real data, held against a simple baseline, and pictures."""
