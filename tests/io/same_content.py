#!/usr/bin/python3
"""Compares two HDF5 files by h5py: groups, datasets, types, values and attributes, all but when they were made.

usage: same_content.py FILE FILE
"""
import sys

import h5py
import numpy as np


def objects(file):
    found = {"/": file}
    file.visititems(lambda name, item: found.update({name: item}))
    return found


def differences(first, second):
    ours, theirs = objects(first), objects(second)
    yield from (f"{name} is in one file only" for name in sorted(ours.keys() ^ theirs.keys()))
    for name in sorted(ours.keys() & theirs.keys()):
        a, b = ours[name], theirs[name]
        yield from (f"{name}: attribute {key} is in one file only" for key in a.attrs.keys() ^ b.attrs.keys())
        for key in a.attrs.keys() & b.attrs.keys() - {"created"}:
            if a.attrs.get_id(key).dtype != b.attrs.get_id(key).dtype or not np.array_equal(a.attrs[key], b.attrs[key]):
                yield f"{name}: attribute {key} is {a.attrs[key]} and {b.attrs[key]}"
        if not isinstance(a, h5py.Dataset) or not isinstance(b, h5py.Dataset):
            continue
        if (a.dtype, a.shape, a.chunks) != (b.dtype, b.shape, b.chunks) or a[()].tobytes() != b[()].tobytes():
            yield f"{name}: {a} and {b} differ"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with h5py.File(sys.argv[1], "r") as first, h5py.File(sys.argv[2], "r") as second:
        found = list(differences(first, second))
        print("\n".join(found) or f"{len(objects(first))} objects are the same")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
