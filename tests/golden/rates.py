#!/usr/bin/env python3
"""Prints golden_rates.h: the learning rates of PyTorch's schedulers, one for each batch of 12 epochs of 3 batches.

    rates.py > tests/golden/rates.h      needs python3-torch
"""

import warnings

import torch
from torch.optim import lr_scheduler

EPOCHS, BATCHES = 12, 3
ALL = EPOCHS * BATCHES
WARMUP = 2 * BATCHES

warnings.filterwarnings("ignore")


def rates(scheduler_of):
    """The rate of each batch, of a scheduler that takes a step after every batch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, found = scheduler_of(optimizer), []
    for _ in range(ALL):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def warmup(optimizer):
    """Batch i of the warm-up has (i + 1) / WARMUP."""
    return lr_scheduler.LinearLR(optimizer, 1 / WARMUP, 1, WARMUP - 1)


def warmup_cosine(optimizer):
    then = lr_scheduler.CosineAnnealingLR(optimizer, ALL - WARMUP)
    return lr_scheduler.SequentialLR(optimizer, [warmup(optimizer), then], [WARMUP])


CASES = {
    "constant": lambda o: lr_scheduler.ConstantLR(o, 1, ALL),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, ALL, eta_min=0.1),
    "step": lambda o: lr_scheduler.StepLR(o, 4 * BATCHES, 0.5),
    "warmup": warmup,
    "warmup_cosine": warmup_cosine,
}

print("/* Made by rates.py: learning rates of PyTorch's schedulers. */\n/* clang-format off */")
for name, scheduler_of in CASES.items():
    print(f"static const double golden_{name}[] = {{")
    found = [f"{rate:.12g}" for rate in rates(scheduler_of)]
    for i in range(0, ALL, 9):
        print("    " + ", ".join(found[i : i + 9]) + ("," if i + 9 < ALL else "};"))
