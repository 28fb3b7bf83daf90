"""Drawing: figures of samples, codes, errors and histories, in light and dark, for reports, uses and scripts."""
