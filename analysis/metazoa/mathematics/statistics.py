"""Means and intervals over seeds."""

import numpy as np
from scipy.special import stdtrit


def interval(values, band="ci"):
    """Mean and band over the first axis: (mean, low, high). NaN are left out.

    band: `ci` .95 confidence interval of the mean, `sd` one standard deviation, `range` smallest to largest.
    """
    values = np.asarray(values, dtype=np.float64)
    n = np.isfinite(values).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        clean = np.where(np.isfinite(values), values, np.nan)
        mean = np.where(n > 0, np.nansum(clean, axis=0) / np.maximum(n, 1), np.nan)
        if band == "range":
            return mean, np.fmin.reduce(clean, axis=0), np.fmax.reduce(clean, axis=0)
        deviation = np.sqrt(np.nansum((clean - mean) ** 2, axis=0) / np.maximum(n - 1, 1))
        if band == "ci":
            deviation *= np.where(n > 1, stdtrit(np.maximum(n - 1, 1), 0.975) / np.sqrt(np.maximum(n, 1)), 0)
    return mean, mean - deviation, mean + deviation


def share_interval(values, band="ci"):
    """The same of shares and accuracies: the band ends at 0 and 1."""
    mean, low, high = interval(values, band)
    return mean, np.maximum(low, 0), np.minimum(high, 1)


def log_interval(values, band="ci"):
    """The same on a logarithmic scale: geometric mean and band; values that are not positive are left out."""
    values = np.asarray(values, dtype=np.float64)
    logs = np.log(values, out=np.full(values.shape, np.nan), where=values > 0)
    return tuple(np.exp(part) for part in interval(logs, band))


def over_seeds(runs, column):
    """A column of metrics.csv over the epochs that all runs share: (epochs, [run, epoch]); None where no run has it.

    Epochs at which a column was not measured are left out.
    """
    import pandas

    found = [run.metrics.set_index("epoch")[column] for run in runs if column in run.metrics]
    if not found:
        return None
    table = pandas.concat(found, axis=1, join="inner").dropna(how="all")
    return (table.index.to_numpy(), table.to_numpy().T) if len(table) else None


def text(values, digits=3):
    """`mean ± half width of the .95 interval` of a few numbers, or the number alone when there is one or all are equal."""
    values = np.asarray([v for v in values if v is not None and np.isfinite(v)], dtype=np.float64)
    if values.size == 0:
        return "–"
    mean, low, _ = interval(values)
    if values.size == 1 or np.ptp(values) <= 1e-12 * abs(mean):
        return number(mean, digits)
    return f"{number(mean, digits)} ± {number(mean - low, 2)}"


def number(value, digits=3, mathtext=False):
    """A number for reading: 0.865, 1.3 × 10⁻⁷, 1 200; mathtext: powers as matplotlib sets them."""
    value = float(value)
    if not np.isfinite(value):
        return "not finite"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace(",", "\u00a0")
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
    mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
    if mathtext:
        return rf"{mantissa} $\times\,10^{{{int(exponent)}}}$"
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}\u00a0×\u00a010{superscript}".replace("-", "−")
