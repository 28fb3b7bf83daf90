"""Period: the length of the cycle in which a series repeats itself."""

import numpy as np

CLEAR = 0.3
"""The least autocorrelation at a period."""
MOST = 2**15
"""Steps that are looked at, from the middle."""
CYCLES = 8
"""The least number of periods in the series."""
SHORTEST = 3


def period_of(values: np.ndarray) -> int | None:
    """The dominant period of a series (steps, channels) in steps: the highest peak of the mean autocorrelation.

    None if no peak is clear. A linear trend is removed first; missing numbers count as the mean.
    """
    start = max(0, (len(values) - MOST) // 2)
    some = np.asarray(values[start : start + MOST], np.float64)
    count = len(some)
    if count < CYCLES * SHORTEST:
        return None
    some = np.where(np.isfinite(some), some, np.nan)
    known = ~np.isnan(some)
    some = some[:, known.any(0)]
    some = np.where(np.isnan(some), np.nanmean(some, 0), some) if some.shape[1] else some
    scale = some.std(0)
    some = (some - some.mean(0))[:, scale > 0] / scale[scale > 0]
    if not some.shape[1]:
        return None
    line = np.linspace(-1, 1, count)[:, None]
    some = some - line * (some * line).sum(0) / np.square(line).sum()
    spectrum = np.square(np.abs(np.fft.rfft(some, 2 * count, axis=0))).mean(1)
    products = np.fft.irfft(spectrum)[: count // CYCLES + 2] / np.arange(count, count - count // CYCLES - 2, -1)
    if products[0] <= 0:
        return None
    correlation = products / products[0]
    below = np.flatnonzero(correlation < 0)
    if not len(below):
        return None
    lags = np.arange(max(SHORTEST, int(below[0])), len(correlation) - 1)
    peaks = lags[(correlation[lags] >= correlation[lags - 1]) & (correlation[lags] > correlation[lags + 1])]
    if not len(peaks):
        return None
    highest = correlation[peaks].max()
    # multiples of the period have peaks as high as its own
    first = int(peaks[correlation[peaks] >= 0.9 * highest][0])
    return first if highest >= CLEAR else None
