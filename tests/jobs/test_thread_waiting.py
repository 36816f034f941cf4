"""Threads that wait give up the processor soon, unless the user has chosen something else."""
import pathlib
import unittest

from plexus_run import RunTest

CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


class ThreadWaiting(RunTest):
    epochs = 100000

    def choices_of_running_plexus(self, **environment):
        """The variables that OpenMP has found when it was loaded; None takes one away."""
        environment = {**dict.fromkeys(CHOICES), **environment}
        with self.launch_training(self.out(), environment=environment) as job:
            job.wait_for_epochs(1)
            variables = pathlib.Path(f"/proc/{job.process.pid}/environ").read_bytes().decode().split("\0")
        found = dict(variable.split("=", 1) for variable in variables if variable)
        return {name: found[name] for name in CHOICES if name in found}

    def test_plexus_starts_again_with_a_short_wait(self):
        self.assertEqual(self.choices_of_running_plexus(), {"GOMP_SPINCOUNT": "5000"})

    def test_a_number_of_looks_stays(self):
        self.assertEqual(self.choices_of_running_plexus(GOMP_SPINCOUNT="77"), {"GOMP_SPINCOUNT": "77"})

    def test_a_policy_stays(self):
        self.assertEqual(self.choices_of_running_plexus(OMP_WAIT_POLICY="passive"), {"OMP_WAIT_POLICY": "passive"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
