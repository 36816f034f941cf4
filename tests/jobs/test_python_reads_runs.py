"""Debian's h5py and scipy read a run: the weights of any epoch, and its topology rebuilt from the edits."""
import subprocess
import sys
import unittest

import h5py
import scipy.sparse

from plexus_run import SOURCE, RunTest, checkpoints, metrics, plexus, settings, summary


class PythonReadsRuns(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_directory = cls.folder / "run"
        plexus("train", cls.config, "--out", cls.run_directory, *settings(checkpoint__keep=0), ranks=2)

    def test_every_topology_is_rebuilt_and_equals_its_checkpoint(self):
        script = SOURCE / "tests" / "io" / "read_with_python.py"

        result = subprocess.run([sys.executable, script, self.run_directory], capture_output=True, text=True,
                                check=False)

        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stdout)
        self.assertEqual(len(checkpoints(self.run_directory)), self.epochs)
        # The topology before the first epoch and after all but the last, which ends without rewiring.
        matrices = 3 * self.epochs
        self.assertEqual(result.stdout,
                         f"{self.epochs} epochs rebuilt, {matrices} matrices compared with checkpoints\n")

    def test_three_lines_read_the_weights_of_any_epoch(self):
        history = metrics(self.run_directory)
        with h5py.File(self.run_directory / "run.h5") as run:
            for epoch in range(1, self.epochs + 1):
                for layer in range(3):
                    w = run[f"epochs/{epoch:06}/layers/{layer:03}/W"]
                    weights = scipy.sparse.csr_matrix((w["data"][:], w["indices"][:], w["indptr"][:]),
                                                      shape=tuple(w.attrs["shape"]))

                    alive = history[epoch - 1]["alive_neurons"]
                    self.assertEqual(weights.nnz, history[epoch - 1]["connections"][layer])
                    self.assertEqual(weights.shape, (alive[layer + 1], alive[layer]))

    def test_metrics_in_run_h5_and_metrics_jsonl_agree(self):
        history = metrics(self.run_directory)

        with h5py.File(self.run_directory / "run.h5") as run:
            for name in ("epoch", "loss", "train_accuracy", "test_accuracy"):
                self.assertEqual(list(run["metrics"][name][:]), [line[name] for line in history], name)
        best = max(line["test_accuracy"] for line in history)
        self.assertEqual(summary(self.run_directory)["best_test_accuracy"], best)


if __name__ == "__main__":
    unittest.main(verbosity=2)
