#!/usr/bin/python3
"""Reads a run directory without plexus: h5py, numpy and scipy only (Debian: python3-h5py python3-scipy).

usage: read_with_python.py RUN_DIRECTORY

Rebuilds the topology of every sparse layer and epoch from the first base and the edits, and compares each with its
hash, with the base where there is one, and with the weights where there is a checkpoint. Exits with 1 and a message at
the first mismatch.
"""
import sys

import h5py
import numpy as np
import scipy.sparse as sp


def weights(run, epoch_name, layer):
    """The three lines of the README."""
    g = run[f"epochs/{epoch_name}/layers/{layer}/W"]
    return sp.csr_matrix((g["data"][:], g["indices"][:], g["indptr"][:]), shape=tuple(g.attrs["shape"]))


def mix64(x):
    """Finalizer of splitmix64."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def pattern_hash(rows, cols):
    return int(mix64(mix64(rows.astype(np.uint64)) ^ cols.astype(np.uint64)).sum(dtype=np.uint64))


def cells_of(base, columns):
    """Cells (row * columns + col, ascending) of a whole pattern."""
    rows = np.repeat(np.arange(len(base["indptr"]) - 1), np.diff(base["indptr"][:]))
    return rows * columns + base["indices"][:]


def edited(cells, edit, columns):
    """Cells after one epoch's edit."""
    kept = np.delete(cells, edit["dropped_index"][:])
    return np.sort(np.concatenate([kept, edit["added_row"][:] * columns + edit["added_col"][:]]))


def check(condition, *what):
    if not condition:
        sys.exit("read_with_python: " + " ".join(str(part) for part in what))


def main(directory):
    run = h5py.File(directory + "/run.h5", "r")
    check(run.attrs["format"] == b"plexus-run", "run.h5 is of format", run.attrs["format"])
    check(len(run["topology"]) > 0 and len(run["epochs"]) > 0, "run.h5 has no topology or no epochs")
    last = int(max(run["topology"]))
    newest = int(max(run["epochs"])[:6])
    check(newest <= last + 1, "the newest checkpoint is of epoch", newest, "the newest topology of epoch", last)
    check(list(run["metrics/epoch"][:]) == list(range(1, newest + 1)), "metrics/epoch is", run["metrics/epoch"][:])

    compared = 0
    for layer in run["topology/000000/layers"]:
        if "W_pattern" not in run[f"topology/000000/layers/{layer}"]:
            continue  # dense: its connections never change
        for epoch in range(last + 1):
            edit = run[f"topology/{epoch:06}/layers/{layer}"]
            columns = edit.attrs["original_cols"]
            if epoch == 0:
                cells = cells_of(edit["W_pattern"], columns)
            else:
                cells = edited(cells, edit, columns)
            where = f"layer {layer}, epoch {epoch}:"
            rows, cols = cells // columns, cells % columns
            check(pattern_hash(rows, cols) == edit.attrs["pattern_hash"], where, "the rebuilt topology has another hash")
            if "W_pattern" in edit:
                check(edit.attrs["base_epoch"] == epoch, where, "base_epoch is", edit.attrs["base_epoch"])
                check(np.array_equal(cells, cells_of(edit["W_pattern"], columns)), where, "base and edits differ")

            for name in run["epochs"]:
                if min(int(name[:6]), last) != epoch:  # the last epoch of a run ends without an edit
                    continue
                w = weights(run, name, layer).tocoo()
                group = run[f"epochs/{name}/layers/{layer}"]
                stored_rows, stored_cols = group["neuron_ids_out"][:][w.row], group["neuron_ids_in"][:][w.col]
                check(np.array_equal(stored_rows, rows) and np.array_equal(stored_cols, cols),
                      where, "checkpoint", name, "has another topology than the one rebuilt")
                compared += 1
    check(compared > 0, "no checkpoint to compare with")
    print(f"{last + 1} epochs rebuilt, {compared} matrices compared with checkpoints")


if __name__ == "__main__":
    check(len(sys.argv) == 2, "usage: read_with_python.py RUN_DIRECTORY")
    main(sys.argv[1])
