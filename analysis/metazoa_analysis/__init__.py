"""Reads the runs of Metazoa, draws the paper's figures and analyses trajectories. See analysis/README.md."""
