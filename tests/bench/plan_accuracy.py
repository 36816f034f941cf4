#!/usr/bin/env python3
"""How near `plexus plan` comes to the time and the memory of real runs.

    python3 tests/bench/plan_accuracy.py [--plexus build/release/bin/plexus] [--only standard ...]

lets `plexus doctor` measure this machine, trains some networks for some seconds on one rank, two data groups and two model
parts, and prints the milliseconds of a step and the peak memory beside what `plexus plan --network measured` had said:
medians of some rounds, and of their ratios, with the least and the greatest. Wants Fashion-MNIST (Debian: dataset-fashion-mnist) and a machine that does nothing else. Over a network:

    --mpirun "mpirun --host a:1,b:1" --machines 2
"""
import argparse
import json
import math
import os
import pathlib
import shlex
import shutil
import statistics
import subprocess
import tempfile

# name: layers, batch, samples of an epoch
NETWORKS = {
    "standard": ([784, 1000, 1000, 1000, 10], 128, 6400),
    "wide": ([784, 3000, 3000, 3000, 10], 128, 3200),
    "batch": ([784, 500, 500, 500, 10], 1024, 10240),
}
GRIDS = [(1, 1), (2, 1), (1, 2)]
FEWEST_EPOCHS = 5
TEST_SAMPLES = 512

CONFIG = """\
[data]
path = "{data}"
train_samples = {samples}
test_samples = {test_samples}

[network]
layers = {layers}

[topology]
epsilon = {epsilon}

[optimizer]
learning_rate = 0.02

[training]
epochs = 1
batch_size = {batch}

[parallel]
threads = 1

[checkpoint]
every = 0
history = "none"
"""


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}

    def plexus(self, *arguments, ranks=None):
        launcher = [] if ranks is None else self.launcher(ranks)
        command = launcher + [self.options.plexus] + [str(argument) for argument in arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{shlex.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def launcher(self, ranks):
        if ranks == 1:  # a rank alone is on this machine
            return ["mpirun", "-n", "1", "--bind-to", "none"]
        return [*shlex.split(self.options.mpirun), "-n", str(ranks), "--bind-to", "none",
                "-x", "XDG_CACHE_HOME"]

    def planned(self, config, data, model, samples):
        ranks = data * model
        found = json.loads(self.plexus(
            "plan", config, "--ranks", ranks, "--network", "measured", "--json", "--samples", samples,
            *(["--machines", self.options.machines] if ranks > 1 else [])))
        return next(grid for grid in found["grids"] if (grid["data"], grid["model"]) == (data, model))

    def trained(self, config, data, model, steps, epochs):
        """@return median milliseconds of a step, peak bytes of a rank"""
        out = self.folder / f"{config.stem}-{data}x{model}"
        shutil.rmtree(out, ignore_errors=True)
        self.plexus("train", config, "--out", out, "--set", f"parallel.data={data}", "--set",
                    f"parallel.model={model}", "--set", f"training.epochs={epochs}", ranks=data * model)
        lines = (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        epochs = [json.loads(line)["seconds"]["train"] for line in lines[1:]]
        memory = json.loads((out / "summary.json").read_text(encoding="utf-8"))["peak_memory_bytes"]
        return 1e3 * statistics.median(epochs) / steps, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plexus", default="build/release/bin/plexus")
    parser.add_argument("--mpirun", default="mpirun", help="launcher of several ranks, without -n")
    parser.add_argument("--machines", default=1, type=int, help="that two ranks are on")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--rounds", default=5, type=int, help="of measuring and training")
    parser.add_argument("--seconds", default=5, type=float, help="that each training should last")
    parser.add_argument("--grids", nargs="+", default=[f"{d}x{m}" for d, m in GRIDS], metavar="DxM")
    parser.add_argument("--epsilon", default=20, type=float, help="connections are this x (inputs + neurons)")
    options = parser.parse_args()
    options.plexus = str(pathlib.Path(options.plexus).resolve())
    grids = [tuple(int(side) for side in grid.split("x")) for grid in options.grids]

    print("| network | batch | grid | planned ms | measured ms | planned / measured | planned MiB | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="plexus-plan-") as name:
        runner = Runner(options, pathlib.Path(name))
        for network in options.only:
            layers, batch, samples = NETWORKS[network]
            config = runner.folder / f"{network}.toml"
            config.write_text(CONFIG.format(data=options.data, samples=samples, test_samples=TEST_SAMPLES,
                                            layers=layers, batch=batch, epsilon=options.epsilon))
            found = {grid: [] for grid in grids}
            for _ in range(options.rounds):
                for ranks in sorted({data * model for data, model in grids}):
                    runner.plexus("doctor", ranks=ranks)  # each time anew: neighbours come and go
                for grid in grids:
                    plan = runner.planned(config, *grid, samples + TEST_SAMPLES)
                    step, steps = plan["seconds"]["step"], samples // batch
                    epochs = max(FEWEST_EPOCHS, math.ceil(options.seconds / (step * steps)))
                    found[grid].append((1e3 * step, *runner.trained(config, *grid, steps, epochs),
                                        plan["memory_bytes"]["total"]))
            for (data, model), rounds in found.items():
                planned, measured, peak, memory = map(statistics.median, zip(*rounds))
                ratios = [one[0] / one[1] for one in rounds]  # of neighbours in time: machines change
                print(f"| {' - '.join(map(str, layers))} | {batch} | {data} x {model} | {planned:.2f} | {measured:.2f} | "
                      f"{statistics.median(ratios):.2f} ({min(ratios):.2f} - {max(ratios):.2f}) | "
                      f"{memory / 2**20:.0f} | {peak / 2**20:.0f} |", flush=True)


if __name__ == "__main__":
    main()
