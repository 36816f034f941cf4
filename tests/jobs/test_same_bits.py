"""The trained network has the same bits on any number of ranks and threads, and with AVX2 and AVX-512."""
import unittest

from plexus_run import RunTest, metrics, plexus, settings, summary

KEYS_OTHERS_RELY_ON = {
    "test_accuracy", "best_test_accuracy", "epochs", "connections", "alive_neurons", "pruned_share",
    "fingerprint", "ranks", "threads", "seconds_per_epoch", "seconds_rewire", "peak_memory_bytes",
}
METRICS_OTHERS_RELY_ON = {
    "epoch", "loss", "train_accuracy", "test_accuracy", "connections", "alive_neurons", "seconds", "restarts",
}


class SameBits(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        alone = cls.folder / "alone"
        cls.first = plexus("train", cls.config, "--out", alone)
        cls.expected = summary(alone)
        cls.history = metrics(alone)

    def test_ranks_and_threads_do_not_change_the_fingerprint(self):
        for ranks in (1, 2, 3, 4, 5, 8):
            for threads in (1, 2):
                with self.subTest(ranks=ranks, threads=threads):
                    out = self.out(f"-{ranks}-{threads}")

                    self.train(out, *settings(parallel__threads=threads), ranks=ranks)

                    found = summary(out)
                    self.assertEqual((found["ranks"], found["threads"]), (ranks, threads))
                    self.assertEqual(found["fingerprint"], self.expected["fingerprint"])
                    self.assertEqual([m["loss"] for m in metrics(out)], [m["loss"] for m in self.history])

    def test_model_parts_do_not_change_the_fingerprint(self):
        for data, model in ((1, 2), (2, 2), (1, 3), (2, 3), (1, 5)):
            with self.subTest(data=data, model=model):
                out = self.out(f"-{data}x{model}")

                result = self.train(out, *settings(parallel__data=data, parallel__model=model), ranks=data * model)

                self.assertIn(f"({data} data groups x {model} model parts)", result.out)
                self.assertEqual(summary(out)["fingerprint"], self.expected["fingerprint"])
                self.assertEqual([m["loss"] for m in metrics(out)], [m["loss"] for m in self.history])
                for line in metrics(out)[:-1]:
                    self.assertEqual(line["model_parts"], model)
                    self.assertGreater(min(line["bytes_halo"], line["bytes_weights"], line["bytes_rewire"]), 0)

    def test_sums_by_messages_are_those_in_shared_memory(self):
        for ranks in (2, 3):
            with self.subTest(ranks=ranks):
                out = self.out(f"-messages-{ranks}")

                self.train(out, ranks=ranks, environment={"PLEXUS_SHARED_MEMORY": "off"})

                self.assertEqual(summary(out)["fingerprint"], self.expected["fingerprint"])

    def test_instruction_sets_with_fused_multiply_add_agree(self):
        kernels = plexus("--version").out.splitlines()[-1]
        if "avx512" not in kernels:
            self.skipTest(f"this processor has no AVX-512: {kernels}")
        found = {}
        for name in ("avx2", "avx512"):
            out = self.out(f"-{name}")

            result = self.train(out, ranks=2, environment={"PLEXUS_ISA": name})

            self.assertIn(f"{name} kernels", result.out)
            found[name] = summary(out)["fingerprint"]
        self.assertEqual(found, dict.fromkeys(found, self.expected["fingerprint"]))

    def test_another_seed_changes_the_fingerprint(self):
        self.train(self.out(), *settings(training__seed=2), ranks=2)

        self.assertNotEqual(summary(self.out())["fingerprint"], self.expected["fingerprint"])

    def test_fast_sums_are_announced(self):
        result = self.train(self.out(), *settings(parallel__exactness="fast"), ranks=2)

        self.assertTrue(any("results depend on the number of ranks" in w for w in result.warnings), result)
        self.assertEqual(summary(self.out())["exactness"], "fast")

    # The comparisons above are worth something only if all that could depend on ranks has happened.
    def test_the_compared_run_learns_rewires_prunes_and_has_an_uneven_batch(self):
        self.assertGreater(self.expected["test_accuracy"], 0.6)
        self.assertTrue(all(sum(m["grown"]) > 0 for m in self.history[:-1]))
        self.assertAlmostEqual(self.expected["pruned_share"], 0.5, delta=0.1)
        self.assertNotEqual(self.train_samples % 270, 0)

    def test_the_reports_have_the_keys_that_others_rely_on(self):
        self.assertLessEqual(KEYS_OTHERS_RELY_ON, self.expected.keys())
        self.assertEqual(len(self.expected["alive_neurons"]), 4)
        self.assertRegex(self.expected["fingerprint"], "^[0-9a-f]{16}$")
        for number, line in enumerate(self.history, start=1):
            self.assertLessEqual(METRICS_OTHERS_RELY_ON, line.keys())
            self.assertEqual(line["epoch"], number)
        self.assertEqual(self.history[-1]["test_accuracy"], self.expected["test_accuracy"])
        self.assertEqual(sum(self.history[-1]["connections"]), self.expected["connections"])

    def test_the_run_ends_with_what_a_person_wants_to_know(self):
        for words in ("test accuracy", "connections", "neurons alive", "seconds per epoch", "fingerprint",
                      "files"):
            self.assertIn(words, self.first.out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
