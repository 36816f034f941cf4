"""Waiting threads give up the processor soon, and memory comes in large pages and is kept, unless the user chose
otherwise."""
import pathlib
import unittest

from plexus_run import RunTest

CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "GLIBC_TUNABLES")
SPINS = {"GOMP_SPINCOUNT": "5000"}
KEPT = {"glibc.malloc.mmap_threshold": "33554432", "glibc.malloc.trim_threshold": "268435456"}
MEMORY = {"glibc.malloc.hugetlb": "1", **KEPT}


def tunables(values):
    """As they are found: the C library cuts the list into variables where it lies."""
    (first, value), *others = values.items()
    return {"GLIBC_TUNABLES": f"{first}={value}", **dict(others)}


class LibrarySettings(RunTest):
    epochs = 100000

    def choices_of_running_plexus(self, **environment):
        """The variables that libraries have found when they were loaded; None takes one away."""
        environment = {**dict.fromkeys(CHOICES), **environment}
        with self.launch_training(self.out(), environment=environment) as job:
            job.wait_for_epochs(1)
            variables = pathlib.Path(f"/proc/{job.process.pid}/environ").read_bytes().decode().split("\0")
        found = dict(variable.split("=", 1) for variable in variables if variable)
        return {name: found[name] for name in (*CHOICES, *MEMORY) if name in found}

    def test_plexus_starts_again_with_a_short_wait_and_its_memory(self):
        self.assertEqual(self.choices_of_running_plexus(), {**SPINS, **tunables(MEMORY)})

    def test_a_number_of_looks_stays(self):
        chosen = {"GOMP_SPINCOUNT": "77"}
        self.assertEqual(self.choices_of_running_plexus(**chosen), {**chosen, **tunables(MEMORY)})

    def test_a_policy_stays(self):
        chosen = {"OMP_WAIT_POLICY": "passive"}
        self.assertEqual(self.choices_of_running_plexus(**chosen), {**chosen, **tunables(MEMORY)})

    def test_a_page_size_stays(self):
        found = self.choices_of_running_plexus(GLIBC_TUNABLES="glibc.malloc.hugetlb=0")
        self.assertEqual(found, {**SPINS, **tunables({"glibc.malloc.hugetlb": "0", **KEPT})})

    def test_a_threshold_stays_that_was_chosen_by_its_own_variable(self):
        found = self.choices_of_running_plexus(MALLOC_TRIM_THRESHOLD_="1000000")
        without_it = {name: value for name, value in MEMORY.items() if name != "glibc.malloc.trim_threshold"}
        self.assertEqual(found, {**SPINS, **tunables(without_it)})

    def test_other_tunables_stay(self):
        found = self.choices_of_running_plexus(GLIBC_TUNABLES="glibc.malloc.arena_max=1")
        self.assertEqual(found, {**SPINS, **tunables({"glibc.malloc.arena_max": "1", **MEMORY})})


if __name__ == "__main__":
    unittest.main(verbosity=2)
