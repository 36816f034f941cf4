"""What a run would cost on paper, and what this machine can do."""
import json
import unittest

from plexus_run import DONE, WRONG_INPUT, RunTest, plexus, settings, summary

# Ten layers of 10^9 neurons with 100 connections each.
TRILLION = """\
[data]
path = "nowhere"

[network]
layers = [{}]

[topology]
epsilon = 50

[training]
batch_size = 1024
""".format(", ".join(["1_000_000_000"] * 11))


class PlanTest(RunTest):
    def setUp(self):
        self.cache = {"XDG_CACHE_HOME": str(self.out("-cache"))}

    def plan(self, config, ranks, *arguments):
        result = plexus("plan", config, "--ranks", ranks, *arguments, environment=self.cache)
        self.assertEqual(result.code, DONE, result)
        self.assertEqual(result.err, "")
        return result.out

    def plan_json(self, *arguments):
        return json.loads(self.plan(*arguments, "--json"))

    def doctor(self, *arguments, **how):
        result = plexus("doctor", "--quick", *arguments, environment=self.cache, **how)
        self.assertEqual(result.code, DONE, result)
        return result


class Plan(PlanTest):
    def test_a_table_of_grids_in_100_columns(self):
        text = self.plan(self.config, 6, "--network", "10gbe")

        heading, *rows = text.split("\n\n")[1].splitlines()
        for words in ("data x mod", "memory", "sums", "halo", "weights", "messages", "compute", "waiting", "step"):
            self.assertIn(words, heading)
        self.assertEqual([row.split()[:3] for row in rows],
                         [["6", "x", "1"], ["3", "x", "2"], ["2", "x", "3"], ["1", "x", "6"]])
        self.assertEqual(sum(row.endswith(" <") for row in rows), 1, "one grid is chosen")
        self.assertLessEqual(max(map(len, [heading, *rows])), 100)
        self.assertRegex(text, r"(?m)^Best: \d x \d, ")
        self.assertIn("10 Gbit/s Ethernet", text)

    def test_json_says_the_same_to_programs(self):
        found = self.plan_json(self.config, 6, "--network", "hdr200", "--samples", 1000)

        self.assertEqual(found["network"], "hdr200")
        grids = {(grid["data"], grid["model"]): grid for grid in found["grids"]}
        self.assertEqual(set(grids), {(6, 1), (3, 2), (2, 3), (1, 6)})
        connections = 0.3 * (20 * 40 + 40 * 36 + 36 * 5)
        self.assertAlmostEqual(found["connections"], connections)
        self.assertAlmostEqual(grids[6, 1]["sent_bytes"]["sums"], 2 * 5 / 6 * 8 * (connections + 40 + 36 + 5))
        self.assertEqual(grids[6, 1]["sent_bytes"]["halo"], 0)
        self.assertEqual(grids[1, 6]["sent_bytes"]["sums"], 0)
        self.assertGreater(grids[1, 6]["sent_bytes"]["halo"], grids[2, 3]["sent_bytes"]["halo"])
        self.assertEqual(grids[1, 6]["memory_bytes"]["data"], 1000 * (20 * 4 + 4))
        steps = [grid["seconds"]["step"] for grid in found["grids"]]
        self.assertEqual(found["best"], steps.index(min(steps)))

    def test_a_trillion_connections_on_512_ranks(self):
        config = self.write("trillion.toml", TRILLION)

        found = self.plan_json(config, 512, "--network", "hdr200")

        self.assertAlmostEqual(found["connections"] / 1e12, 1, places=6)
        parameters = {grid["model"]: grid["memory_bytes"]["parameters"] for grid in found["grids"]}
        self.assertEqual(sorted(parameters), [16, 32, 64, 128, 256, 512], "32 shards allow 32 data groups")
        self.assertAlmostEqual(parameters[512] / ((24 * 1e12 + 40 * 1e10) / 512), 1, places=6)

    def test_what_does_not_fit_is_not_chosen(self):
        config = self.write("trillion.toml", TRILLION)

        found = self.plan_json(config, 512, "--network", "hdr200", "--memory", 100)

        self.assertIsNone(found["best"])
        self.assertIn("every grid needs more than 100 GiB", found["reason"])

    def test_overrides_count(self):
        found = self.plan_json(self.config, 1, *settings(topology__density=0.6, parallel__threads=4))

        self.assertAlmostEqual(found["connections"], 0.6 * (20 * 40 + 40 * 36 + 36 * 5))
        self.assertEqual(found["threads"], 4)

    def test_bad_input(self):
        for arguments, words in ((["--ranks", 0], "--ranks is 0"),
                                 (["--ranks", -3], "--ranks is -3"),
                                 (["--ranks", 2_000_000], "--ranks is 2000000"),
                                 (["--ranks", "four"], "--ranks"),
                                 ([], "--ranks is required"),
                                 (["--ranks", 4, "--network", "100gb"], "Did you mean '100gbe'?"),
                                 (["--ranks", 4, "--network", "measured"], "plexus doctor"),
                                 (["--ranks", 97], "no grid has 97 ranks"),
                                 (["--ranks", 2, "--machines", 3], "--machines is 3"),
                                 (["--ranks", 2, "--memory", -1], "--memory is -1"),
                                 (["--ranks", 2, "--samples", -1], "--samples is -1")):
            with self.subTest(words=words):
                result = plexus("plan", self.config, *arguments, environment=self.cache)

                self.assertEqual(result.code, WRONG_INPUT, result)
                self.assertEqual(len(result.messages), 1, result)
                self.assertIn(words, result.messages[0])
                self.assertEqual(result.out, "")


class Doctor(PlanTest):
    def test_what_two_ranks_measure_is_what_plan_uses(self):
        text = self.doctor(ranks=2).out

        self.assertRegex(text, r"(?m)^ranks +host +CPUs allowed +threads per rank\n0-1 ")
        for words in ("forward", "backward", "first layer", "barrier", "latency", "sums of gradients"):
            self.assertIn(words, text)
        self.assertEqual(text.count("kept for `plexus plan"), 1, "only one rank speaks")
        found = self.plan_json(self.config, 2, "--network", "measured")
        self.assertEqual(found["network_origin"], "measured with 2 ranks x 1 thread on this machine")
        self.assertEqual(found["kernels_origin"], found["network_origin"])
        self.assertEqual(self.plan_json(self.config, 2)["network"], "measured", "the default where there is one")
        for grid in found["grids"]:
            self.assertGreater(grid["seconds"]["waiting"], 0)

    def test_one_rank_has_kernels_but_no_network(self):
        self.assertIn("nothing to measure between ranks", self.doctor().out)

        found = self.plan_json(self.config, 1, "--network", "measured")
        self.assertEqual(found["kernels_origin"], "measured with 1 rank x 1 thread on this machine")
        result = plexus("plan", self.config, "--ranks", 2, "--network", "measured", environment=self.cache)
        self.assertEqual(result.code, WRONG_INPUT, result)

    def test_measurements_of_other_ranks_stay(self):
        self.doctor()
        self.doctor(ranks=2)

        origins = {ranks: self.plan_json(self.config, ranks)["kernels_origin"] for ranks in (1, 2, 4)}

        self.assertIn("1 rank ", origins[1])
        self.assertIn("2 ranks ", origins[2])
        self.assertIn("2 ranks ", origins[4], "the nearest")

    def test_sums_by_messages_are_measured_apart(self):
        by_messages = {**self.cache, "PLEXUS_SHARED_MEMORY": "off"}
        result = plexus("doctor", "--quick", ranks=2, environment=by_messages)
        self.assertEqual(result.code, DONE, result)
        self.assertEqual(self.plan_json(self.config, 2)["network"], "100gbe", "shared memory was not measured")

        self.doctor(ranks=2)

        shared = self.plan_json(self.config, 2)
        self.assertEqual(shared["network_origin"], "measured with 2 ranks x 1 thread on this machine")
        self.cache = by_messages
        self.assertEqual(self.plan_json(self.config, 2)["network_origin"],
                         "measured with 2 ranks x 1 thread on this machine, sums by messages")

    def test_nothing_is_known_of_several_machines(self):
        self.doctor(ranks=2)

        result = plexus("plan", self.config, "--ranks", 4, "--machines", 2, "--network", "measured",
                        environment=self.cache)

        self.assertEqual(result.code, WRONG_INPUT, result)
        self.assertIn("no network was measured for ranks on 2 machines", result.messages[0])
        self.assertIn("there is: this machine", result.messages[0])

    def test_warns_of_threads_without_processors(self):
        result = self.doctor("--threads", 64)

        self.assertEqual(len(result.warnings), 1, result)
        self.assertIn("64 threads", result.warnings[0])

    def test_bad_input(self):
        for threads in (-1, 100_000, "many"):
            with self.subTest(threads=threads):
                result = plexus("doctor", "--threads", threads, ranks=2)

                self.assertEqual(result.code, WRONG_INPUT, result)
                self.assertEqual(len(result.messages), 1, result)
                self.assertIn("--threads", result.messages[0])


class Auto(PlanTest):
    """[parallel] model = "auto"."""
    auto = settings(parallel__model="auto")

    def train_here(self, out, *arguments, **how):
        return self.train(out, *arguments, environment=self.cache, **how)

    def chosen(self, result):
        lines = [line for line in result.out.splitlines() if line.startswith("grid ")]
        self.assertEqual(len(lines), 1, result)
        return lines[0]

    def test_takes_the_grid_of_plan_and_changes_no_result(self):
        fixed = self.out("-fixed")
        self.train(fixed, ranks=1)

        first = self.chosen(self.train_here(self.out("-1"), *self.auto, ranks=4))
        best = self.plan_json(self.config, 4)
        grid = best["grids"][best["best"]]

        self.assertIn(f"{grid['data']} x {grid['model']}, chosen", first)
        for data, model in ((4, 1), (2, 2), (1, 4)):
            self.assertRegex(first, rf"{data} x {model} [0-9.]+ [mu]s \([0-9.]+ [KM]iB a rank\)")
        self.assertEqual(summary(self.out("-1"))["fingerprint"], summary(fixed)["fingerprint"])
        again = self.chosen(self.train_here(self.out("-2"), *self.auto, ranks=4))
        self.assertEqual(again, first, "what was measured is kept")

    def test_a_dry_run_says_the_same(self):
        result = self.train_here(self.out(), "--dry-run", *self.auto, ranks=2)

        self.assertIn(", chosen: ", self.chosen(result))
        self.assertFalse(self.out().exists())

    def test_goes_on_with_another_grid(self):
        self.train(self.out("-fixed"), ranks=1)
        self.train_here(self.out(), *self.auto, *settings(training__epochs=self.epochs), ranks=3)
        (self.out() / "summary.json").unlink()
        for checkpoint in sorted((self.out() / "ckpt").glob("e*.h5"))[1:]:
            checkpoint.unlink()

        self.train(self.out(), *settings(parallel__data=1, parallel__model=2), ranks=2)

        self.assertEqual(summary(self.out())["fingerprint"], summary(self.out("-fixed"))["fingerprint"])

    def test_dense_layers_leave_one_part(self):
        result = self.train_here(self.out(), *self.auto, "--dry-run", *settings(topology__density=1.0), ranks=3)

        self.assertIn("3 x 1, chosen: the only grid", self.chosen(result))


if __name__ == "__main__":
    unittest.main(verbosity=2)
