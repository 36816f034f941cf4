"""A checkpoint that an early plexus has written stays readable: by plexus, by h5py, and as the start of a training.

golden/checkpoint_v1.0.h5 is e000003.h5 of a training with the config that it holds and the data below, in format 1.0:
two sparse layers with pruned neurons and a dense one. Never replace it; a new version of the format gets a file of its
own.
"""
import json
import pathlib
import unittest

import h5py
import numpy as np
import scipy.sparse as sp

from plexus_run import DONE, RunTest, metrics, plexus, settings, summary

GOLDEN = pathlib.Path(__file__).parent / "golden" / "checkpoint_v1.0.h5"
FINGERPRINT = "3eecb48ae00bf807"


def write_data(folder):
    folder.mkdir()
    for name, samples in (("train.csv", 160), ("test.csv", 30)):
        lines = (",".join(f"{(i * i + 3 * i * j + j) % 17 / 8 - 1}" for j in range(6)) + f",{i * i % 17 % 3}\n"
                 for i in range(samples))
        (folder / name).write_text("".join(lines), encoding="utf-8")


class GoldenCheckpoint(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_data(cls.folder / "golden-data")
        with h5py.File(GOLDEN) as checkpoint:
            cls.config = cls.write("golden.toml", checkpoint["config/toml"][()].decode())

    def test_plexus_inspects_it(self):
        result = plexus("inspect", GOLDEN, "--json")

        self.assertEqual((result.code, result.err), (DONE, ""), result)
        found = json.loads(result.out)
        self.assertEqual((found["epoch"], found["step"], found["fingerprint"]), (3, 0, FINGERPRINT))

    def test_h5py_reads_it(self):
        with h5py.File(GOLDEN) as checkpoint:
            self.assertEqual(list(checkpoint.attrs["format_version"]), [1, 0])
            self.assertEqual(f"{checkpoint.attrs['fingerprint']:016x}", FINGERPRINT)
            neurons = checkpoint["layers/000/neuron_ids_in"][:]
            for name, layer in checkpoint["layers"].items():
                w = layer["W"]
                if isinstance(w, h5py.Group):
                    w = sp.csr_matrix((w["data"][:], w["indices"][:], w["indptr"][:]), shape=tuple(w.attrs["shape"]))
                    self.assertEqual(layer["opt/values_0"].shape, w.data.shape)
                self.assertEqual(w.shape, (len(layer["bias"]), len(neurons)), name)
                np.testing.assert_array_equal(layer["neuron_ids_in"][:], neurons)
                neurons = layer["neuron_ids_out"][:]

    def test_a_training_goes_on_from_it_on_any_number_of_ranks(self):
        data = settings(data__path=self.folder / "golden-data")
        fingerprints = set()
        for ranks in (1, 2):
            out = self.out(f"-{ranks}")

            result = self.train(out, "--resume", GOLDEN, *data, ranks=ranks)

            self.assertIn("after epoch 3, step 0", result.out)
            self.assertEqual([m["epoch"] for m in metrics(out)], list(range(1, 7)))
            fingerprints.add(summary(out)["fingerprint"])
        self.assertEqual(len(fingerprints), 1, fingerprints)


if __name__ == "__main__":
    unittest.main(verbosity=2)
