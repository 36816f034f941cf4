#!/usr/bin/env python3
"""Times SciPy's sparse product with a random square matrix in the layouts that it knows. Prints JSON.

usage: scipy_product.py NEURONS DENSITY SAMPLES REPETITIONS SECONDS_PER_REPETITION
"""
import json
import sys
import time

try:
    import numpy as np
    import scipy
    import scipy.sparse
except ImportError as error:
    sys.exit(f"scipy_product.py: {error}")


def seconds_of(product, least_seconds):
    """Mean of one execution over at least `least_seconds`."""
    start = time.perf_counter()
    executions = 0
    while time.perf_counter() - start < least_seconds:
        product()
        executions += 1
    return (time.perf_counter() - start) / executions


def main():
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    neurons, samples, repetitions = int(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
    density, least_seconds = float(sys.argv[2]), float(sys.argv[5])
    numbers = np.random.default_rng(1)
    weights = scipy.sparse.random(neurons, neurons, density, "csr", np.float32, numbers)
    inputs = numbers.standard_normal((neurons, samples), np.float32)
    inputs_by_sample = np.asfortranarray(inputs)
    products = {
        "samples side by side": lambda: weights @ inputs,
        "neurons side by side": lambda: weights @ inputs_by_sample,
    }
    seconds = {}
    for layout, product in products.items():
        product()
        seconds[layout] = [seconds_of(product, least_seconds) for _ in range(repetitions)]
    print(json.dumps({"version": scipy.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main()
