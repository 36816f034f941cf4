"""What plexus tells without training: inspect, list, help, version, a dry run and the resolved config."""
import json
import os
import unittest

from plexus_run import DONE, SOURCE, WRONG_INPUT, RunTest, checkpoints, metrics, plexus, settings, summary


class Inspect(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_directory = cls.folder / "run"
        plexus("train", cls.config, "--out", cls.run_directory, ranks=2)
        cls.summary = summary(cls.run_directory)

    def inspect(self, *arguments):
        result = plexus("inspect", *arguments)
        self.assertEqual(result.code, DONE, result)
        self.assertEqual(result.err, "")
        return result.out

    def test_a_run_directory_shows_its_newest_checkpoint(self):
        text = self.inspect(self.run_directory)

        self.assertRegex(text, rf"(?m)^epoch +{self.epochs}$")
        self.assertRegex(text, rf"(?m)^fingerprint +{self.summary['fingerprint']}\b")
        self.assertRegex(text, rf"test {self.summary['test_accuracy']:.4f}\b")
        first_hidden = self.summary["alive_neurons"][1]
        connections = self.summary["connections_per_layer"][0]
        self.assertRegex(text, rf"(?m)^ +1 +20 of 20 +{first_hidden} of 40 +{connections} ")

    def test_json_says_the_same_to_programs(self):
        found = json.loads(self.inspect(self.run_directory, "--json"))

        self.assertEqual(found["epoch"], self.epochs)
        self.assertEqual(found["step"], 0)
        self.assertEqual(found["fingerprint"], self.summary["fingerprint"])
        self.assertEqual(found["test_accuracy"], self.summary["test_accuracy"])
        layers = found["layers"]
        self.assertEqual([layer["connections"] for layer in layers], self.summary["connections_per_layer"])
        self.assertEqual([layer["neurons_alive"] for layer in layers], self.summary["alive_neurons"][1:])
        self.assertIn("[network]", found["config"])

    def test_an_older_checkpoint_file(self):
        found = json.loads(self.inspect(checkpoints(self.run_directory)[0], "--json"))

        self.assertEqual(found["epoch"], self.epochs - 2)
        at_that_epoch = metrics(self.run_directory)[self.epochs - 3]
        self.assertEqual(found["test_accuracy"], at_that_epoch["test_accuracy"])

    def test_what_cannot_be_inspected(self):
        damaged = self.write("damaged.h5", "")
        damaged.write_bytes(checkpoints(self.run_directory)[-1].read_bytes())
        os.truncate(damaged, 10000)
        empty = self.folder / "empty"
        empty.mkdir()
        for path in (damaged, self.config, empty, self.folder / "missing.h5"):
            with self.subTest(path=path.name):
                result = plexus("inspect", path)

                self.assertEqual(result.code, WRONG_INPUT, result)
                self.assertEqual(len(result.messages), 1, result)
                self.assertIn(str(path), result.messages[0])
                self.assertEqual(result.out, "")


class Explain(RunTest):
    def ask(self, *arguments, **how):
        result = plexus(*arguments, **how)
        self.assertEqual(result.code, DONE, result)
        return result.out

    def test_list_shows_all_that_the_config_can_name(self):
        text = self.ask("list")

        for kind, name in (("rules", "set"), ("criteria", "in\\*out"), ("activations", "all_relu"),
                           ("losses", "cross_entropy"), ("inits", "he_uniform"), ("optimizers", "sgd"),
                           ("datasets", "idx")):
            self.assertRegex(text, rf"(?m)^{kind} \(", f"no heading for {kind}")
            self.assertRegex(text, rf"(?m)^  {name} +\w.*", f"no help line for {name}")
            self.assertRegex(self.ask("list", kind), rf"^{kind} \([^\n]*\n(  [^\n]+\n)*  {name} ")

    def test_help_of_the_program_and_of_each_subcommand(self):
        program = self.ask("--help")

        for subcommand, words in (("train", "Exit codes"), ("inspect", "--json"), ("list", "KIND"),
                                  ("plan", "--network"), ("doctor", "--threads")):
            self.assertIn(f"  {subcommand} ", program)
            text = self.ask(subcommand, "--help")
            self.assertIn(f"plexus {subcommand}", text)
            self.assertIn(words, text)

    def test_under_mpirun_help_is_shown_once(self):
        self.assertEqual(self.ask("train", "--help", ranks=2).count("Exit codes"), 1)

    def test_the_version_names_all_that_results_may_depend_on(self):
        text = self.ask("--version")

        for pattern in (r"^plexus \d+\.\d+\.\d+", r"(?m)^compiler +\w+ \d+", r"(?m)^MPI +\w+",
                        r"(?m)^HDF5 +1\.\d+\.\d+$"):
            self.assertRegex(text, pattern)

    def test_a_dry_run_shows_each_rank_and_writes_nothing(self):
        text = self.ask("train", self.config, "--out", self.out(), "--dry-run", ranks=3)

        heading = next(line for line in text.splitlines() if line.lstrip().startswith("rank "))
        for words in ("samples per step", "rows", "connections", "memory", "exchanged per step"):
            self.assertIn(words, heading)
        ranks = [line.split() for line in text.splitlines() if line.endswith("B")]
        self.assertEqual([line[0] for line in ranks], ["0", "1", "2"], text)
        self.assertEqual(sum(int(line[1]) for line in ranks), 270, "the samples of a batch")
        self.assertEqual(len({line[3] for line in ranks}), 1, "every rank holds all connections")
        self.assertFalse(self.out().exists())

    def test_a_dry_run_of_a_grid_names_the_plan(self):
        text = self.ask("train", self.config, "--dry-run", *settings(parallel__model=2), ranks=2)

        self.assertIn("plexus plan CONFIG --ranks 2", text)

    def test_a_dry_run_says_what_epsilon_is_capped_to(self):
        text = self.ask("train", self.config, "--dry-run", *settings(topology__epsilon=100))

        self.assertIn("epsilon 100 asks for 6,000 connections, but there are only 800 cells", text)

    def test_the_printed_config_is_a_config(self):
        changed = settings(training__epochs=3, network__dropout=0.125)
        text = self.ask("train", self.config, *changed, "--print-config", ranks=2)
        printed = self.write("printed.toml", text)
        self.train(self.out("-asked"), *changed, ranks=2)

        result = plexus("train", printed, "--out", self.out("-printed"), ranks=2)

        self.assertEqual(result.code, DONE, result)
        self.assertIn("dropout = 0.125", text)
        asked, found = summary(self.out("-asked")), summary(self.out("-printed"))
        self.assertEqual(found["fingerprint"], asked["fingerprint"])

    def test_the_ready_configs_are_valid(self):
        configs = sorted((SOURCE / "jobs" / "configs").glob("*.toml"))

        self.assertTrue(configs)
        for config in configs:
            self.assertIn("[training]", self.ask("train", config, "--print-config"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
