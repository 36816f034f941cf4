#!/usr/bin/env python3
"""Draws a run: accuracy, size of the network, and which inputs its first layer looks at, before and after.

usage: plot_run.py RUN_DIRECTORY PICTURE(.png|.svg|.pdf)

Needs Debian's python3-h5py, python3-matplotlib and python3-numpy. The maps of inputs are drawn when the number of
inputs is a square, as for images.
"""
import math
import pathlib
import sys

import h5py
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
import numpy as np  # noqa: E402


def connections_per_input(pattern, inputs):
    """Stored connections of each input of a CSR pattern whose columns are stable input ids."""
    return np.bincount(pattern["indices"][:], minlength=inputs)


def draw(run, picture):
    with h5py.File(run / "run.h5") as index:
        metrics = {name: column[:] for name, column in index["metrics"].items()}
        last = index["epochs"][max(index["epochs"])]["layers/000"]
        inputs = int(last.attrs["original_cols"])
        first_map = connections_per_input(index["topology/000000/layers/000/W_pattern"], inputs)
        last_map = connections_per_input(last["W"], inputs)

    epochs = metrics["epoch"]
    hidden = metrics["alive_neurons"][:, 1:-1].sum(axis=1)
    connections = metrics["connections"].sum(axis=1)
    side = math.isqrt(inputs)
    square = side * side == inputs
    figure, axes = plt.subplots(1, 4 if square else 2, figsize=(15 if square else 9, 3.6), constrained_layout=True)

    axes[0].plot(epochs, 100 * metrics["train_accuracy"], color="tab:gray", label="training (with dropout)")
    axes[0].plot(epochs, 100 * metrics["test_accuracy"], color="tab:blue", label="test")
    axes[0].set(xlabel="epoch", ylabel="accuracy, %", title=f"test accuracy {100 * metrics['test_accuracy'][-1]:.2f} %")
    axes[0].legend()

    axes[1].plot(epochs, 100 * hidden / hidden[0], color="tab:red", label=f"hidden neurons ({hidden[-1]:,} left)")
    axes[1].plot(epochs, 100 * connections / connections[0], color="tab:green", label=f"connections ({connections[-1]:,})")
    axes[1].set(xlabel="epoch", ylabel="% of the first epoch", ylim=(0, 105), title="what the network is made of")
    axes[1].legend()

    if square:
        brightest = max(first_map.max(), last_map.max())
        for axis, counts, title in ((axes[2], first_map, "connections per pixel, at random"),
                                    (axes[3], last_map, "the same after training")):
            shown = axis.imshow(counts.reshape(side, side), vmin=0, vmax=brightest, cmap="viridis")
            axis.set(title=title, xticks=[], yticks=[])
        figure.colorbar(shown, ax=axes[3])
    figure.savefig(picture, dpi=110)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    draw(pathlib.Path(sys.argv[1]), sys.argv[2])


if __name__ == "__main__":
    main()
