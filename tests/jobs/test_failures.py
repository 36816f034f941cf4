"""A rank that fails ends all ranks promptly with a message, whatever they are doing, and the run goes on from there.

PLEXUS_TEST_FAIL stages the failures (mpi/staged_failure.hpp). Each run continues what the failed one before has left,
on another grid. A part of all cases is tried; PLEXUS_FAILURES=all tries every one, which takes many minutes.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import time
import typing
import unittest

import h5py

from plexus_run import DONE, FAILURE, RunTest, checkpoints, settings, summary

# Places in a run, as `activity::describe()` says them.
EVERYWHERE = {
    "opening the run": r"'opening the run'.*waiting",
    "training": r"'forward pass', epoch [0-9]+, step 3",
    "gradient exchange": r"'gradient exchange and update, layer 2'",
    "evaluation": r"'evaluation'.*'sum of integers'",
    "rewiring": r"'rewiring'",
    "rewiring of a layer": r"'rewiring, change of layer 2'",
    "while the checkpoint is being completed": r"'forward pass', epoch [0-9]+, step 1\b",
    "last checkpoint": r"'last checkpoint'",
}
# With model parts only.
IN_PARTS = {
    "resume": r"'reading the checkpoint, layer 2'",
    "halo exchange of activations": r"'forward pass'.*'messages of other ranks'",
    "halo exchange of gradients": r"'backward pass, layer 2'.*'messages of other ranks'",
    "rewiring together": r"'rewiring'.*waiting",
    "topology history": r"'topology history'.*waiting",
    "migration": r"'moving neurons to other parts, layer 2'.*waiting",
    "checkpoint": r"'checkpoint, layer 2'.*waiting",
    "collective write": r"'writing the checkpoint, layer 2'",
    "end of the collective write": r"'checkpoint, on its way to the disk'",
}
PLACES = {**EVERYWHERE, **IN_PARTS}

# It takes seconds until others miss a rank that stands still: these must do where not all are tried.
STANDSTILLS = ("halo exchange of gradients", "rewiring together", "migration", "collective write")


class Case(typing.NamedTuple):
    place: str
    how: str  # kill, throw or stop
    rank: int
    data: int
    model: int

    @property
    def is_survived(self):
        """A part that cannot write its rows stops no other: there is a warning in place of a checkpoint."""
        return (self.place, self.how) == ("collective write", "throw")


def all_cases(how):
    return [Case(place, how, rank, data, model)
            for place in PLACES
            for rank in (0, 1)
            for data, model in ((1, 2), (2, 2), (2, 1))
            if model > 1 or place in EVERYWHERE]


def some_cases(how):
    """Each place once, on the grids and ranks in turn; where one is killed, another has an exception."""
    cases = []
    for i, place in enumerate(STANDSTILLS if how == "stop" else PLACES):
        turn = i + (how == "throw")
        cases.append(Case(place, how, rank=turn // 2 % 2, data=1 + turn % 2, model=2))
    return cases


def cases(*hows):
    choose = all_cases if os.environ.get("PLEXUS_FAILURES") == "all" else some_cases
    return [case for how in hows for case in choose(how)]


def processes_with(variable):
    """Those with this in their environment."""
    found = []
    for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in environment.read_bytes().split(b"\0"):
                found.append(int(environment.parent.name))
        except OSError:  # it has ended meanwhile, or is another user's
            continue
    return found


def survivors(variable, seconds=10):
    """Processes of a job that are still there some time after its launcher has ended."""
    end = time.monotonic() + seconds
    while found := processes_with(variable):
        if time.monotonic() > end:
            return found
        time.sleep(0.1)
    return []


class Failures(RunTest):
    epochs = 16

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        text = cls.config.read_text(encoding="utf-8")
        # So few connections that parts soon differ in work, and neurons move.
        text = text.replace("density = 0.3", "density = 0.08\ndrop_fraction = 0.5")
        text = text.replace("target = 0.5", "target = 0.8")
        cls.config.write_text(text + "\n[checkpoint]\nkeep = 0\n", encoding="utf-8")

    def setUp(self):
        self.undisturbed = self.out("-undisturbed")
        self.train(self.undisturbed, ranks=2)
        self.fingerprints = {file.name: self.fingerprint_in(file) for file in checkpoints(self.undisturbed)}
        self.begun = self.out("-begun")
        shutil.copytree(self.undisturbed, self.begun)
        (self.begun / "summary.json").unlink()
        for file in checkpoints(self.begun)[2:]:
            file.unlink()

    @staticmethod
    def fingerprint_in(file):
        with h5py.File(file) as checkpoint:
            return int(checkpoint.attrs["fingerprint"])

    def check_end(self, out, result):
        self.assertEqual(result.code, DONE, result)
        self.assertEqual(summary(out)["fingerprint"], summary(self.undisturbed)["fingerprint"], result)

    def check_failure(self, case, result):
        ranks = case.data * case.model
        where = re.search(rf"^staged failure of rank {case.rank}: {case.how} (.*)$", result.err, re.MULTILINE)[1]
        if case.how == "kill":
            self.assertEqual(result.code, 128 + 9, result)
            self.assertRegex(result.err, rf"rank {case.rank} .*signal 9")
        elif case.how == "throw":
            self.assertEqual(result.code, FAILURE, result)
            self.assertEqual(len(result.messages), 1, result)
            self.assertRegex(result.messages[0], rf"^plexus: rank {case.rank} of {ranks}: .*staged \[")
            self.assertIn(f"[{where}]", result.messages[0], result)
        else:
            self.assertEqual(result.code, FAILURE, result)
            self.assertRegex(result.err, r"(?m)^plexus: rank \d .* has stood still .* in '.* waiting for other ranks")
            self.assertNotIn(f"plexus: rank {case.rank} of", result.err, "it stands still")

    def check_checkpoints(self, out, result):
        # The launcher's SIGTERM may reach a rank that still completes its step and writes a checkpoint in an epoch.
        found = {file.name: self.fingerprint_in(file) for file in checkpoints(out)}
        expected = {name: self.fingerprints.get(name, fingerprint) for name, fingerprint in found.items()}
        self.assertEqual(found, expected, result)

    def try_case(self, case, out):
        """Continues the run in `out` until it fails. @return whether it has failed, and whether it can go on."""
        mark = ("PLEXUS_TEST_JOB", f"{os.getpid()}.{out.name}")
        fail = ("PLEXUS_TEST_FAIL", f"{case.rank} {case.how} {PLACES[case.place]}")
        grid = settings(parallel__data=case.data, parallel__model=case.model, parallel__watchdog_seconds=2)
        with self.launch_training(out, *grid, ranks=case.data * case.model, environment=dict([mark, fail])) as job:
            result = job.finish()
        self.assertEqual(survivors("=".join(mark)), [], result)
        self.assertFalse([warning for warning in result.warnings if "; using " in warning], result)
        failed = "staged failure" in result.err
        ends = case.is_survived or not failed
        if ends:
            self.check_end(out, result)
        else:
            self.check_failure(case, result)
        if failed and case.is_survived:
            self.assertIn(f"part {case.rank}: unexpected failure", "".join(result.warnings), result)
        self.check_checkpoints(out, result)
        return failed, not ends

    def try_cases(self, cases_in_turn, name):
        """@return what went wrong"""
        problems = []
        out = None
        for number, case in enumerate(cases_in_turn):
            try:
                failed = False
                for attempt in ("", "-anew"):  # the run may end before it gets to the place
                    if out is None:
                        out = self.out(f"-{name}{number}{attempt}")
                        shutil.copytree(self.begun, out)
                    failed, goes_on = self.try_case(case, out)
                    out = out if goes_on else None
                    if failed:
                        break
                self.assertTrue(failed, "no run has got to this place")
            except AssertionError as problem:
                problems.append(f"{case}: {problem}")
                out = None
        if out is not None:
            self.check_end(out, self.train(out, *settings(parallel__model=3), ranks=3))
        return problems

    def test_a_failed_rank_ends_all_and_the_run_goes_on_to_the_same_end(self):
        with concurrent.futures.ThreadPoolExecutor() as pool:  # those that stand still take time, but no work
            chains = [pool.submit(self.try_cases, cases("kill", "throw"), "ended"),
                      pool.submit(self.try_cases, cases("stop"), "stopped")]
            problems = [problem for chain in chains for problem in chain.result()]

        self.assertFalse(problems, "\n\n".join(problems))


if __name__ == "__main__":
    unittest.main(verbosity=2)
