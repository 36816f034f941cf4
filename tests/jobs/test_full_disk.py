"""A full disk neither stops training nor is hidden at the end. With room, the run gives the same bits."""
import ctypes
import os
import subprocess
import unittest

from plexus_run import FAILURE, RunTest, checkpoints, metrics, plexus, settings, summary

CLONE_NEWNS = 0x00020000  # <sched.h>


def mount(*arguments):
    """@return what went wrong, empty if nothing did."""
    return subprocess.run(["mount", *arguments], capture_output=True, text=True).stderr.strip()


def use_own_mounts():
    """What this process mounts from now on, only it and its children see; it goes with them.

    @return what went wrong, empty if nothing did.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    return mount("--make-rprivate", "/")


class FullDisk(RunTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        undisturbed = cls.folder / "undisturbed"
        plexus("train", cls.config, "--out", undisturbed)
        cls.expected = summary(undisturbed)["fingerprint"]

    def assert_trained_on(self, result, out):
        """All epochs were trained though checkpoints could not be written, and the end says what to do."""
        self.assertIn(f"epoch {self.epochs}/{self.epochs} ", result.out)
        failed = [warning for warning in result.warnings if "Training continues" in warning]
        self.assertTrue(any(f"{out}/ckpt/" in warning for warning in failed), result)
        self.assertEqual(len(result.messages), 1, result)
        self.assertIn("last checkpoint could not be written", result.messages[0])
        self.assertIn("Make room and run the same command again", result.messages[0])
        self.assertFalse((out / "summary.json").exists())

    def assert_complete(self, out):
        self.assertEqual(summary(out)["fingerprint"], self.expected)
        self.assertEqual([line["epoch"] for line in metrics(out)], list(range(1, self.epochs + 1)))
        # One record of the topology per rewiring, the first being that before training.
        self.assertEqual(len(list((out / "topo").glob("e*.h5"))), self.epochs)
        self.assertEqual([file for file in out.rglob("*") if ".tmp" in file.name], [])

    def test_a_full_disk(self):
        problem = use_own_mounts()
        if problem:
            self.skipTest(f"needs root and leave to mount: {problem}")
        disk = self.folder / "disk"
        disk.mkdir()
        problem = mount("-t", "tmpfs", "-o", "size=200k", "plexus-test", disk)
        if problem:
            self.skipTest(f"cannot mount a small disk: {problem}")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        out = disk / "run"

        result = self.train(out, code=FAILURE, ranks=2)

        self.assert_trained_on(result, out)
        self.assertIn("No space left on device", result.warnings[-1])
        self.assertTrue(checkpoints(out), "those that fitted are still there")
        self.assertEqual(mount("-o", "remount,size=4m", disk), "")
        again = self.train(out, ranks=3)
        self.assertIn("resumed", again.out)
        self.assert_complete(out)

    def test_files_that_may_not_grow(self):
        """The same without root: `ulimit -f` allows for the log, but not for a checkpoint."""
        no_history = settings(checkpoint__history="none")
        out = self.out()

        result = self.train(out, *no_history, code=FAILURE, ranks=1, limit_file_bytes=20000)

        self.assert_trained_on(result, out)
        self.assertIn("File too large", result.warnings[-1])
        self.assertEqual(checkpoints(out), [])
        self.train(out, ranks=2)
        self.assert_complete(out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
