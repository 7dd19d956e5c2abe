"""Means and intervals over seeds."""

import numpy as np

# Student's t for a two-sided interval of .95, degrees of freedom 1 to 30; the normal quantile beyond.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
      2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)


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
            deviation *= np.where(n > 1, t_quantile(n - 1) / np.sqrt(np.maximum(n, 1)), 0)
    return mean, mean - deviation, mean + deviation


def t_quantile(freedom):
    freedom = np.asarray(freedom)
    return np.where(freedom > len(_T), 1.960, np.array(_T)[np.clip(freedom, 1, len(_T)) - 1])


def log_interval(values, band="ci"):
    """The same on a logarithmic scale: geometric mean and band; values that are not positive are left out."""
    values = np.asarray(values, dtype=np.float64)
    logs = np.log(values, out=np.full(values.shape, np.nan), where=values > 0)
    return tuple(np.exp(part) for part in interval(logs, band))


def over_seeds(runs, column):
    """A column of metrics.csv over the epochs that all runs share: (epochs, [run, epoch]); None where no run has it.

    Epochs at which a column was not measured are left out.
    """
    tables = [(run.metrics["epoch"], run.metrics[column]) for run in runs if column in run.metrics]
    if not tables:
        return None
    epochs = tables[0][0]
    for other, _ in tables[1:]:
        epochs = np.intersect1d(epochs, other)
    rows = np.array([values[np.searchsorted(at, epochs)] for at, values in tables])
    measured = np.isfinite(rows).any(axis=0)
    return (epochs[measured], rows[:, measured]) if measured.any() else None


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
        return f"{value:.{digits}g}" if abs(value) < 10 ** digits else f"{value:.0f}"
    mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
    if mathtext:
        return rf"{mantissa} $\times\,10^{{{int(exponent)}}}$"
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}\u00a0×\u00a010{superscript}".replace("-", "−")
