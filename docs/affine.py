#!/usr/bin/env python3
"""Can an affine particle be a stable fixpoint of self-application? The numbers of docs/mathematics.md ("Biases in particles").

    affine.py [STARTS]      needs python3-torch; STARTS: random particles, each trained to be a fixpoint (20)

An affine particle is a network 5, w, ..., w, 1 without activation in which every cell also adds a bias. It is one row of six
numbers, the response a0..a4 and the constant b, and self-application is w' = a0 w + a1 L + a2 C + a3 E + b. Its biases are weights
as well; as edges they come behind the edges of their cell. Nothing of the program is used.
"""

import sys

import torch

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
WIDTH, LAYERS = 3, 3
SIZES = [5] + [WIDTH] * (LAYERS - 1) + [1]


def places():
    """[weights, 3]: layer, cell and edge of each weight, over their maxima."""
    rows = [
        (k, c, e) for k in range(LAYERS) for c in range(SIZES[k + 1]) for e in range(SIZES[k] + 1)
    ]  # edge SIZES[k]: the bias
    rows = torch.tensor(rows, dtype=torch.float64)
    return rows / rows.max(0).values


PLACES = places()
COLUMNS = torch.cat([PLACES, torch.ones(len(PLACES), 1)], 1)  # L, C, E, 1


def numbers(w):
    """a0, a1, a2, a3, b of a particle."""
    matrix, offset, at = torch.eye(5), torch.zeros(5), 0
    for k in range(LAYERS):
        n = SIZES[k + 1] * (SIZES[k] + 1)
        layer = w[at : at + n].reshape(SIZES[k + 1], SIZES[k] + 1)
        matrix, offset = layer[:, :-1] @ matrix, layer[:, :-1] @ offset + layer[:, -1]
        at += n
    return torch.cat([matrix[0, :4], offset])


TARGET = torch.tensor([1.0, 0, 0, 0, 0])


def project(w):
    """The nearest fixpoint, by Newton's steps of least length."""
    for _ in range(50):
        slope = torch.autograd.functional.jacobian(numbers, w)
        w = w - torch.linalg.pinv(slope) @ (numbers(w) - TARGET)
    return w


def reaction(w, create_graph=False):
    """The 5 x 5 matrix whose eigenvalues, plus 1, are those of the Jacobian that are not 1."""
    slope = torch.autograd.functional.jacobian(numbers, w, create_graph=create_graph)
    return slope @ torch.cat([w[:, None], COLUMNS], 1)


def radius(w, create_graph=False):
    """The largest |1 + eigenvalue|: below 1 the particle is stable."""
    return (1 + torch.linalg.eigvals(reaction(w, create_graph))).abs().max()


def jacobian_radius(w):
    """The same from the whole Jacobian, for a check: eigenvalues that are not 1."""

    def apply(v):
        values = numbers(v)
        return values[0] * v + COLUMNS @ values[1:]

    found = torch.linalg.eigvals(torch.autograd.functional.jacobian(apply, w))
    return found[(found - 1).abs().argsort(descending=True)[:5]].abs().max()


def lower(w, steps=400):
    """Moves a fixpoint along the set of fixpoints to a smaller radius."""
    w = w.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([w], lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = radius(w, True) + 10 * ((numbers(w) - TARGET) ** 2).sum()
        loss.backward()
        optimizer.step()
        if loss < 0.6:
            break
    return project(w.detach())


def survives(w, noise, steps=1000):
    """The distance from where it is to where self-application leads a particle with noise, after many steps."""
    v = w + noise * torch.randn(len(w))
    for _ in range(steps):
        values = numbers(v)
        v = values[0] * v + COLUMNS @ values[1:]
    values = numbers(v)
    return float((values - TARGET).abs().max()), float((v - w).norm())


def main():
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    first, best = [], []
    for i in range(starts):
        w = project(torch.randn(len(PLACES)) * 0.6)
        if (numbers(w) - TARGET).abs().max() > 1e-9:
            continue
        first.append(float(radius(w)))
        assert abs(float(jacobian_radius(w)) - first[-1]) < 1e-6 * first[-1]
        lowest = lower(w)
        best.append(float(radius(lowest)))
        residual, moved = survives(lowest, 1e-3)
        print(
            f"start {i}: radius {first[-1]:.3f}, lowered {best[-1]:.3f}, |w| {float(lowest.norm()):.1f}; with noise 1e-3 after 1000"
            f" steps {residual:.1e} from a fixpoint, moved {moved:.1e}",
            flush=True,
        )
    first.sort(), best.sort()
    print(
        f"{len(first)} fixpoints: radius {first[0]:.3f} to {first[-1]:.3f}, median {first[len(first) // 2]:.3f};"
    )
    print(
        f"{sum(x < 1 for x in first)} are stable as projected, {sum(x < 1 for x in best)} after lowering (median {best[len(best) // 2]:.3f})"
    )


if __name__ == "__main__":
    main()
