"""A run that is stopped, killed or damaged ends promptly, and goes on to the same bits on any ranks."""
import os
import random
import shutil
import signal
import time
import unittest

import h5py

from plexus_run import AGAIN, DONE, FAILURE, RunTest, checkpoints, metrics, plexus, settings, summary


class StopAndResume(RunTest):
    train_samples = 3010  # 21 steps per epoch, the last one of 10 samples
    epochs = 60

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.undisturbed = cls.folder / "undisturbed"
        plexus("train", cls.config, "--out", cls.undisturbed, ranks=2)
        cls.expected = summary(cls.undisturbed)["fingerprint"]

    def assert_same_result(self, out):
        self.assertEqual(summary(out)["fingerprint"], self.expected)
        self.assertEqual([m["epoch"] for m in metrics(out)], list(range(1, self.epochs + 1)))
        self.assertEqual([m["loss"] for m in metrics(out)], [m["loss"] for m in metrics(self.undisturbed)])

    def copy_of_undisturbed(self):
        """A run directory that a test may damage. Without its summary: it is written when the run ends."""
        out = self.out()
        shutil.copytree(self.undisturbed, out)
        (out / "summary.json").unlink()
        return out

    def test_terminated_again_and_again_on_changing_numbers_of_ranks(self):
        numbers = random.Random(1)
        stopped_in_an_epoch = 0
        for ranks in (2, 3, 1, 5, 4):
            with self.launch_training(self.out(), ranks=ranks) as job:
                job.wait_for_epochs(numbers.randint(2, 6))
                time.sleep(numbers.uniform(0, 0.03))
                os.kill(numbers.choice(list(job.rank_processes().values())), signal.SIGTERM)

                result = job.finish()

            self.assertEqual(result.code, AGAIN, result)
            self.assertIn("run the same command again to continue", result.out)
            self.assertFalse((self.out() / "summary.json").exists(), "it proves that a run is complete")
            stopped_in_an_epoch += ".s" in checkpoints(self.out())[-1].name
        self.train(self.out(), ranks=3)

        self.assert_same_result(self.out())
        self.assertEqual(summary(self.out())["restarts"], 5)
        self.assertGreater(stopped_in_an_epoch, 0)

    def test_a_stop_in_an_epoch_with_no_checkpoint_before_it(self):
        rarely = settings(checkpoint__every=0, checkpoint__history="none")
        with self.launch_training(self.out(), *rarely, ranks=2) as job:
            job.wait_for_epochs(4)
            job.process.send_signal(signal.SIGUSR1)  # mpirun passes it on to all ranks, as Slurm does

            result = job.finish()

        self.assertEqual(result.code, AGAIN, result)
        self.assertIn("stopped on request (SIGUSR1)", result.out)
        self.assertEqual(len(checkpoints(self.out())), 1)
        self.train(self.out(), *rarely)
        self.assert_same_result(self.out())

    def test_a_killed_rank_takes_the_job_with_it_and_the_run_goes_on(self):
        with self.launch_training(self.out(), ranks=3) as job:
            job.wait_for_epochs(5)
            ranks = job.rank_processes()
            os.kill(ranks[1], signal.SIGKILL)

            result = job.finish(20)

            self.assertNotIn(result.code, (DONE, AGAIN), result)
            self.assertIsInstance(result.code, int, result)
        left = [pid for pid in ranks.values() if os.path.exists(f"/proc/{pid}/exe")]
        self.assertEqual(left, [], "processes of ranks")
        result = self.train(self.out(), ranks=2)
        self.assertIn("resumed", result.out)
        self.assert_same_result(self.out())

    def test_stopped_on_one_grid_and_resumed_on_another(self):
        for data, model in ((2, 2), (1, 3), (4, 1)):
            grid = settings(parallel__model=model)
            with self.launch_training(self.out(), *grid, ranks=data * model) as job:
                job.wait_for_epochs(4)
                job.process.send_signal(signal.SIGUSR1)

                result = job.finish()

            self.assertEqual(result.code, AGAIN, result)
            with h5py.File(checkpoints(self.out())[-1]) as checkpoint:
                first = checkpoint["layers/000/W"]
                self.assertEqual(first["indptr"][-1], first["data"].size)
        self.train(self.out())

        self.assert_same_result(self.out())

    def test_a_killed_part_takes_the_job_with_it_and_the_run_goes_on(self):
        numbers = random.Random(2)
        for data, model in ((2, 2), (1, 2)):
            with self.launch_training(self.out(), *settings(parallel__model=model), ranks=data * model) as job:
                job.wait_for_epochs(3)
                time.sleep(numbers.uniform(0, 0.03))
                ranks = job.rank_processes()
                os.kill(numbers.choice(list(ranks.values())), signal.SIGKILL)

                result = job.finish(20)

            self.assertNotIn(result.code, (DONE, AGAIN), result)
            left = [pid for pid in ranks.values() if os.path.exists(f"/proc/{pid}/exe")]
            self.assertEqual(left, [], "processes of ranks")
        self.train(self.out(), *settings(parallel__model=3), ranks=3)

        self.assert_same_result(self.out())

    def test_a_rank_that_stands_still_ends_the_job(self):
        # Far more epochs than pass in the time: the job must not end before the others miss the rank.
        impatient = settings(parallel__watchdog_seconds=3, training__epochs=100000)
        with self.launch_training(self.out(), *impatient, ranks=3) as job:
            job.wait_for_epochs(2)
            os.kill(job.rank_processes()[1], signal.SIGSTOP)

            result = job.finish(30)

        self.assertEqual(result.code, FAILURE, result)
        self.assertRegex(result.err, r"plexus: rank [02] of 3 .* has stood still .* waiting for other ranks")
        self.assertNotIn("plexus: rank 1 of 3", result.err, "the one that does not report is the culprit")
        reports = sorted(file.name for file in self.out().glob("hang.rank*.txt"))
        self.assertTrue(reports and set(reports) <= {"hang.rank0.txt", "hang.rank2.txt"}, reports)

    def test_a_truncated_checkpoint_is_passed_over(self):
        out = self.copy_of_undisturbed()
        newest = checkpoints(out)[-1]
        os.truncate(newest, newest.stat().st_size // 2)

        result = self.train(out, ranks=2)

        passed_over = [warning for warning in result.warnings if "; using " in warning]
        self.assertEqual(len(passed_over), 1, result)
        self.assertIn(newest.name, passed_over[0])
        self.assertIn(f"using '{checkpoints(out)[-2]}'", passed_over[0])
        self.assert_same_result(out)

    def test_flipped_bits_in_two_checkpoints_are_noticed(self):
        out = self.copy_of_undisturbed()
        for file, name in zip(checkpoints(out)[-2:], ("layers/000/W/data", "layers/001/opt/values_0")):
            with h5py.File(file) as checkpoint:
                position = checkpoint[name].id.get_offset() + 5
            with open(file, "r+b") as stored:
                stored.seek(position)
                byte = stored.read(1)[0]
                stored.seek(position)
                stored.write(bytes([byte ^ 0x10]))

        result = self.train(out, ranks=3)

        self.assertEqual(sum("; using " in warning for warning in result.warnings), 2, result)
        self.assertIn(f"after epoch {self.epochs - 2}, step 0", result.out)
        self.assert_same_result(out)

    def test_a_finished_run_stays_as_it_is(self):
        out = self.out()
        shutil.copytree(self.undisturbed, out)
        before = checkpoints(out)[-1].read_bytes()

        result = self.train(out, ranks=2)

        self.assertNotRegex(result.out, r"(?m)^epoch ")
        self.assertEqual(checkpoints(out)[-1].read_bytes(), before)
        self.assert_same_result(out)

    def test_a_run_starts_from_a_checkpoint_of_another_directory(self):
        oldest = checkpoints(self.undisturbed)[0]

        result = self.train(self.out(), "--resume", oldest, ranks=2)

        self.assertIn(f"after epoch {self.epochs - 2}, step 0", result.out)
        self.assert_same_result(self.out())


if __name__ == "__main__":
    unittest.main(verbosity=2)
