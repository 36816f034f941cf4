"""How many threads a rank takes where the config leaves it open."""
import os
import unittest

from plexus_run import WRONG_INPUT, RunTest, settings, summary

PROCESSORS = len(os.sched_getaffinity(0))
# Every layer has work for more threads than the machines of tests have processors.
LARGE = settings(network__layers="[20, 2000, 2000, 5]", training__epochs=1)


class RankThreads(RunTest):
    def threads(self, *arguments, ranks=1, said=None):
        """said: OMP_NUM_THREADS"""
        out = self.out(f"-{ranks}-{said}")
        self.train(out, *arguments, ranks=ranks, environment={"OMP_NUM_THREADS": said})
        return summary(out)["threads"]

    def test_a_small_network_has_work_for_one(self):
        self.assertEqual(self.threads(), 1)

    def test_ranks_of_a_host_share_its_processors(self):
        for ranks in (1, 2):
            with self.subTest(ranks=ranks):
                self.assertEqual(self.threads(*LARGE, ranks=ranks), max(1, PROCESSORS // ranks))

    def test_a_name_that_does_not_exist_is_said_once(self):
        result = self.train(self.out(), *settings(network__activation="none"), ranks=2, code=WRONG_INPUT,
                            environment={"OMP_NUM_THREADS": None})

        self.assertEqual(len(result.messages), 1, result)
        self.assertIn("all 2 ranks: network.activation is 'none'", result.messages[0])

    def test_what_the_environment_says_counts(self):
        self.assertEqual(self.threads(said="3"), 3)

    def test_what_the_config_says_counts_more(self):
        self.assertEqual(self.threads(*settings(parallel__threads=2), said="3"), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
