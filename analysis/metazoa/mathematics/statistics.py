"""Medians and their intervals over seeds."""

import numpy as np

DRAWS = 2000  # of the bootstrap


def interval(values):
    """Median over the first axis with its .95 interval by the bootstrap over seeds: (median, low, high). NaN are left out.

    The interval is made of seeds' values, so it never leaves what the quantity can be, and it is the same on any scale. Draws are
    of seeds, always the same ones, so equal data give equal intervals.
    """
    values = np.asarray(values, dtype=np.float64)
    flat = values.reshape(len(values), -1)
    clean = np.where(np.isfinite(flat), flat, np.nan)
    out = np.full((3, clean.shape[1]), np.nan)
    some = np.isfinite(clean).any(axis=0)
    if some.any():
        clean = clean[:, some]
        out[:, some] = np.nanmedian(clean, axis=0), *_bootstrap(clean)
    return tuple(part.reshape(values.shape[1:]) for part in out)


def _bootstrap(values):
    """Ends of the interval of each column's median."""
    drawn = np.random.default_rng(1).integers(0, len(values), (DRAWS, len(values)))
    low, high = np.empty(values.shape[1]), np.empty(values.shape[1])
    for k, column in enumerate(values.T):
        if np.isnan(column).any():
            present = column[np.isfinite(column)]
            rows = present[drawn[:, : len(present)] % len(present)]
        else:
            rows = column[drawn]
        low[k], high[k] = np.quantile(np.median(rows, axis=1), (0.025, 0.975))
    return low, high


def over_seeds(runs, column):
    """A column of metrics.csv over the epochs that all runs share: (epochs, [run, epoch]); None where no run has it.

    Epochs at which it was not measured in all of them are left out; a result that is no number is NaN.
    """
    import pandas

    found = [run.looks(column) for run in runs if column in run.metrics]
    if not found:
        return None
    table = pandas.concat(found, axis=1, join="inner")
    return (table.index.to_numpy(), table.to_numpy().T) if len(table) else None


def text(values, form=None):
    """`median (low to high)`, the ends of its .95 interval, of a few numbers; the number alone when there is one or all are equal.
    form: makes a text of a number; the default is `number`."""
    form = form or number
    values = np.asarray([v for v in values if v is not None and np.isfinite(v)], dtype=np.float64)
    if values.size == 0:
        return "–"
    median, low, high = interval(values)
    if values.size == 1 or np.ptp(values) <= 1e-12 * abs(median):
        return form(median)
    return f"{form(median)} ({form(low)} to {form(high)})"


def percentage(share, digits=3):
    """A share from 0 to 1 as a number of percent for reading; with more digits where it would read as 0 or 100 and is neither."""
    for more in range(digits, 16):
        found = number(100 * share, more)
        if not 0 < share < 1 or found not in ("0", "100"):
            break
    return found


def percent(share, decimals=1):
    """A share from 0 to 1 as "31.1 %"; with more decimals where it would read as 0 % or 100 % and is neither."""
    for more in range(decimals, 16):
        found = f"{100 * share:.{more}f}"
        if not 0 < share < 1 or 0 < float(found) < 100:
            break
    return f"{found} %"


def number(value, digits=3, mathtext=False):
    """A number for reading: 0.865, 1.3 × 10⁻⁷, 1 200; mathtext: powers as matplotlib sets them."""
    value = float(value)
    if not np.isfinite(value):
        return "not finite"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace(",", "\u00a0")
    if 1e-3 <= abs(value) < 1e5:
        found = f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"
        if abs(value) < 1 <= abs(float(found)) and digits < 17:
            return number(value, digits + 1, mathtext)  # 0.9996, an accuracy, is not 1
        return found.replace("-", "−")
    mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
    if mathtext:
        return rf"{mantissa} $\times\,10^{{{int(exponent)}}}$"
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}\u00a0×\u00a010{superscript}".replace("-", "−")
