"""Waiting threads give up the processor soon and large pages are asked for, unless the user chose otherwise."""
import pathlib
import unittest

from plexus_run import RunTest

CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "GLIBC_TUNABLES")
SECOND_TUNABLE = "glibc.malloc.hugetlb"  # the C library cuts a list of tunables into variables where it lies
SPINS = {"GOMP_SPINCOUNT": "5000"}
PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


class LibrarySettings(RunTest):
    epochs = 100000

    def choices_of_running_plexus(self, **environment):
        """The variables that libraries have found when they were loaded; None takes one away."""
        environment = {**dict.fromkeys(CHOICES), **environment}
        with self.launch_training(self.out(), environment=environment) as job:
            job.wait_for_epochs(1)
            variables = pathlib.Path(f"/proc/{job.process.pid}/environ").read_bytes().decode().split("\0")
        found = dict(variable.split("=", 1) for variable in variables if variable)
        return {name: found[name] for name in (*CHOICES, SECOND_TUNABLE) if name in found}

    def test_plexus_starts_again_with_a_short_wait_and_large_pages(self):
        self.assertEqual(self.choices_of_running_plexus(), {**SPINS, **PAGES})

    def test_a_number_of_looks_stays(self):
        self.assertEqual(self.choices_of_running_plexus(GOMP_SPINCOUNT="77"), {"GOMP_SPINCOUNT": "77", **PAGES})

    def test_a_policy_stays(self):
        chosen = {"OMP_WAIT_POLICY": "passive"}
        self.assertEqual(self.choices_of_running_plexus(**chosen), {**chosen, **PAGES})

    def test_a_page_size_stays(self):
        chosen = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=0"}
        self.assertEqual(self.choices_of_running_plexus(**chosen), {**SPINS, **chosen})

    def test_other_tunables_stay(self):
        chosen = {"GLIBC_TUNABLES": "glibc.malloc.arena_max=1"}
        self.assertEqual(self.choices_of_running_plexus(**chosen), {**SPINS, **chosen, SECOND_TUNABLE: "1"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
