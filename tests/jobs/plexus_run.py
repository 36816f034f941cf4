"""Runs the plexus program as a user does: a config, a launch, its exit code, what it said and left behind.

CTest gives the paths in PLEXUS_PROGRAM and MPIEXEC, and the variables that let Open MPI run here. By hand:
PLEXUS_PROGRAM=build/release/bin/plexus MPIEXEC=mpirun /usr/bin/python3 tests/jobs/test_same_bits.py
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["PLEXUS_PROGRAM"]
MPIEXEC = os.environ["MPIEXEC"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]

# Exit codes, see `plexus train --help`.
DONE, WRONG_INPUT, FAILURE, AGAIN = 0, 64, 70, 75

# Seconds. A run takes one or two; one that takes so long hangs.
LIMIT = 90

# Batches of 270 make 9 shards of 32 samples, enough for 8 ranks; the last batch of an epoch is smaller.
# There is dropout, rewiring after each epoch, and neuron pruning in between.
CONFIG = """\
[data]
path = "{data}"
format = "csv"
scaling = "none"

[network]
layers = [20, 40, 36, 5]
activation = "all_relu"
alpha = 0.5
dropout = 0.2

[topology]
density = 0.3
output_layer = "evolved"

[neuron_pruning]
target = 0.5

[optimizer]
learning_rate = 0.05

[training]
epochs = {epochs}
batch_size = 270
"""


def write_data(folder, train_samples=1260, test_samples=200, features=20, classes=5):
    """A data set in csv format: clouds around random centres, one per class."""
    numbers = random.Random(7)
    centres = [[numbers.gauss(0, 1) for _ in range(features)] for _ in range(classes)]
    folder.mkdir()
    for name, samples in (("train.csv", train_samples), ("test.csv", test_samples)):
        with open(folder / name, "w", encoding="utf-8") as file:
            for label in (i % classes for i in range(samples)):
                sample = [f"{numbers.gauss(mean, 1):.4f}" for mean in centres[label]]
                file.write(",".join(sample) + f",{label}\n")


class Result:
    """How a launch ended."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    @property
    def said(self):
        """What plexus itself wrote to stderr: (warnings, other messages), a message being one or more lines.

        Its messages come before those of mpirun, which begin with a line of dashes.
        """
        warnings, messages = [], []
        current = None
        for line in self.err.splitlines():
            if line.startswith("plexus: warning: "):
                current = warnings
                current.append(line)
            elif line.startswith("plexus: "):
                current = messages
                current.append(line)
            elif line.startswith("-----"):
                current = None
            elif current is not None:
                current[-1] += "\n" + line
        return warnings, messages

    @property
    def warnings(self):
        return self.said[0]

    @property
    def messages(self):
        return self.said[1]

    def __str__(self):
        command = " ".join(self.command)
        return f"{command}\nexit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Launch:
    """A started plexus. `with` makes sure that it ends."""

    def __init__(self, arguments, ranks=None, environment=None, limit_file_bytes=None):
        """ranks: mpirun starts so many; None: plexus alone. limit_file_bytes: as `ulimit -f`, in bytes.

        environment: variables to add; None as a value takes one away.
        """
        variables = {**os.environ, **(environment or {})}
        launcher = [] if ranks is None else [MPIEXEC, "-n", str(ranks)]
        limits = [] if limit_file_bytes is None else ["prlimit", f"--fsize={limit_file_bytes}"]
        self.command = launcher + limits + [PROGRAM] + [str(argument) for argument in arguments]
        self._out = tempfile.NamedTemporaryFile()
        self._err = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self._out,
                                        stderr=self._err,
                                        env={name: value for name, value in variables.items() if value is not None})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()  # mpirun then ends its ranks
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._out.close()
        self._err.close()

    def rank_processes(self):
        """Process ids by rank, of a job under mpirun."""
        processes = {}
        for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(status.read_text().rpartition(")")[2].split()[1])
                if parent != self.process.pid:
                    continue
                variables = (status.parent / "environ").read_bytes().split(b"\0")
            except OSError:  # the process has ended meanwhile
                continue
            rank = next(v for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK="))
            processes[int(rank.partition(b"=")[2])] = int(status.parent.name)
        return processes

    def wait_for_epochs(self, count):
        """Returns when this launch has said that `count` epochs are done."""
        end = time.monotonic() + LIMIT
        while sum(line.startswith("epoch ") for line in self._text(self._out).splitlines()) < count:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{count} epochs were not reached:\n{self.finish(1)}")
            time.sleep(0.002)

    def finish(self, seconds=LIMIT):
        """Waits for the end."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = f"none, still running after {seconds} s"
        return Result(self.command, code, self._text(self._out), self._text(self._err))

    @staticmethod
    def _text(file):
        return pathlib.Path(file.name).read_text(encoding="utf-8", errors="replace")


def plexus(*arguments, **how):
    """Runs plexus to its end. how: as of Launch."""
    with Launch(arguments, **how) as launch:
        return launch.finish()


def settings(**values):
    """Options --set: settings(training__epochs=3) is `--set training.epochs=3`."""
    return [part for key, value in values.items() for part in ("--set", f"{key.replace('__', '.')}={value}")]


def summary(out):
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def metrics(out):
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


def checkpoints(out):
    """Checkpoint files, oldest first."""
    return sorted((out / "ckpt").glob("e*.h5"), key=lambda file: file.stem)


class RunTest(unittest.TestCase):
    """A folder of its own for each class of tests, with a data set and a config."""

    train_samples = 1260
    epochs = 12

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="plexus-jobs-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = cls.folder / "data"
        write_data(cls.data, cls.train_samples)
        cls.config = cls.write("config.toml", CONFIG.format(data=cls.data, epochs=cls.epochs))

    @classmethod
    def write(cls, name, text):
        """@return the path of a new file in the folder."""
        file = cls.folder / name
        file.write_text(text, encoding="utf-8")
        return file

    def out(self, suffix=""):
        """An output directory of this test; does not exist yet."""
        return self.folder / f"{self._testMethodName}{suffix}"

    def train(self, out, *arguments, code=DONE, **how):
        """Trains into `out` and expects that exit code. how: as of Launch."""
        result = plexus("train", self.config, "--out", out, *arguments, **how)
        self.assertEqual(result.code, code, result)
        return result

    def launch_training(self, out, *arguments, **how):
        return Launch(["train", self.config, "--out", out, *arguments], **how)
