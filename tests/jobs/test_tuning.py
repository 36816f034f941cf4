"""What is fastest on a machine is measured once, by any number of ranks, and changes no result."""
import unittest

from plexus_run import RunTest, summary


class Tuning(RunTest):
    epochs = 3

    def setUp(self):
        self.cache = self.out("-cache")

    def tuned(self, suffix, **how):
        """@return what a run said about its tuning, and its fingerprint."""
        out = self.out(suffix)
        environment = {"PLEXUS_TUNING": "on", "XDG_CACHE_HOME": str(self.cache), **how.pop("environment", {})}
        result = self.train(out, environment=environment, **how)
        said = next(line for line in result.out.splitlines() if line.startswith("tuning "))
        return said, summary(out)["fingerprint"]

    def files(self):
        return list((self.cache / "plexus").iterdir())

    def test_is_measured_at_the_first_start_and_read_at_the_next(self):
        first, fingerprint = self.tuned("-first", ranks=3)
        second, again = self.tuned("-second", ranks=1)
        off, untuned = self.tuned("-off", environment={"PLEXUS_TUNING": "off"})

        self.assertIn("(measured, kept in ", first)
        self.assertEqual(len(self.files()), 1)
        self.assertTrue(second.endswith(f"({self.files()[0]})"), second)
        self.assertIn("PLEXUS_TUNING is off", off)
        self.assertEqual([again, untuned], [fingerprint, fingerprint])

    def test_is_measured_again_where_the_file_is_damaged(self):
        self.tuned("-first")
        self.files()[0].write_text("cached_bytes = ", encoding="utf-8")

        second, _ = self.tuned("-second")

        self.assertIn("(measured, kept in ", second)
        self.assertIn("dense_density", self.files()[0].read_text(encoding="utf-8"))

    def test_is_the_default_where_nothing_can_be_kept(self):
        self.cache.write_text("a file where a folder should be", encoding="utf-8")

        said, _ = self.tuned("-run", ranks=2)

        self.assertIn("cannot be written", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
