"""What a user or a file can get wrong: one message (what, where, how to mend), exit 64, nothing written."""
import gzip
import os
import shutil
import struct
import unittest

from plexus_run import WRONG_INPUT, RunTest, checkpoints, plexus, settings


def idx_bytes(sizes, values):
    """An IDX file of unsigned bytes."""
    return struct.pack(f">I{len(sizes)}I", 0x0800 | len(sizes), *sizes) + bytes(values)


class InputErrors(RunTest):
    def assert_refused(self, result, *parts):
        """One message, which contains all the parts."""
        self.assertEqual(result.code, WRONG_INPUT, result)
        self.assertEqual(len(result.messages), 1, result)
        for part in parts:
            self.assertIn(part, result.messages[0])
        self.assertNotIn("epoch ", result.out)

    def refuse(self, *parts, arguments=(), config=None, out=None, **how):
        """Trains, and expects a message with these parts and no output directory."""
        target = out or self.out()
        result = plexus("train", config or self.config, "--out", target, *arguments, **how)
        self.assert_refused(result, *parts)
        self.assertTrue(out or not target.exists(), f"{target} was made")

    # The command line.

    def test_a_command_line_that_makes_no_sense(self):
        for arguments, problem in (
            ((), "A subcommand is required"),
            (("train",), "CONFIG is required"),
            (("train", self.config, "--epochs", "3"), "--epochs"),
            (("lst",), "unknown subcommand 'lst'. Did you mean 'list'?"),
            (("list", "rulez"), "rulez"),
        ):
            with self.subTest(arguments=arguments):
                result = plexus(*arguments)

                self.assert_refused(result, problem, "Run with --help")

    def test_under_mpirun_one_rank_speaks_about_the_command_line(self):
        result = plexus("train", ranks=2)

        self.assert_refused(result, "CONFIG is required", "Run with --help")

    # The config.

    def test_a_missing_config(self):
        self.refuse("config file 'no/such.toml' does not exist", "jobs/configs", config="no/such.toml",
                    ranks=2)

    def test_a_grid_that_the_ranks_do_not_make(self):
        self.refuse("parallel.model is 2, which does not divide the 3 ranks", "multiple of 2",
                    arguments=settings(parallel__model=2), ranks=3)
        self.refuse("a grid of 2 data groups x 2 model parts has 4 ranks, and there are 2", "parallel.data to 0",
                    arguments=settings(parallel__data=2, parallel__model=2), ranks=2)

    def test_a_grid_that_is_neither_a_number_nor_auto(self):
        for key in ("data", "model"):
            self.refuse(f'parallel.{key} must be an integer or "auto"', '"many"', f"{key} = ",
                        arguments=settings(**{f"parallel__{key}": "many"}), ranks=2)
        self.refuse("model is 0", 'must be 1 or more, or "auto"', arguments=settings(parallel__model=0))
        self.refuse("data is -1", '0 or "auto" for ranks / parallel.model', arguments=settings(parallel__data=-1))

    def test_auto_finds_no_grid(self):
        self.refuse("parallel.data is 2, which does not divide the 3 ranks", "multiple of 2",
                    arguments=settings(parallel__data=2, parallel__model="auto"), ranks=3)
        self.refuse("no grid has 2 ranks", "which must be sparse", "larger training.batch_size", ranks=2,
                    arguments=settings(topology__density=1.0, parallel__model="auto", training__batch_size=32))

    def test_model_parts_of_dense_layers(self):
        self.refuse("layer 1 is dense", "Set parallel.model to 1",
                    arguments=settings(topology__density=1.0, parallel__model=2), ranks=2)

    def test_a_config_that_is_not_toml(self):
        broken = self.write("broken.toml", "[data]\npath = \n")

        self.refuse("broken.toml line 2", "not TOML", config=broken)

    def test_an_unknown_key(self):
        text = self.config.read_text().replace("batch_size", "batch_sise")
        misspelt = self.write("misspelt.toml", text)
        line = 1 + text[: text.index("batch_sise")].count("\n")

        self.refuse(f"misspelt.toml line {line}", "'batch_sise'", "Did you mean 'batch_size'?",
                    config=misspelt, ranks=2)

    def test_an_unknown_section(self):
        misspelt = self.write("section.toml", self.config.read_text().replace("[topology]", "[topolgy]"))

        self.refuse("section.toml line", "[topolgy]", "Did you mean 'topology'?", config=misspelt)

    def test_an_unknown_key_on_the_command_line(self):
        self.refuse("--set training.epoch=3", "Did you mean 'epochs'?", arguments=settings(training__epoch=3))

    def test_a_value_of_the_wrong_type(self):
        self.refuse("training.epochs must be an integer", '"ten"', "epochs = ",
                    arguments=settings(training__epochs="ten"))

    def test_a_value_out_of_range(self):
        self.refuse("dropout is 1.5", "must be in [0, 1)", "Set network.dropout",
                    arguments=settings(network__dropout=1.5), ranks=2)

    def test_all_problems_are_named_at_once(self):
        self.refuse("Set network.dropout", "Set topology.drop_fraction",
                    arguments=settings(network__dropout=1.5, topology__drop_fraction=0))

    def test_names_that_do_not_exist(self):
        for key, name, nearest in (
            ("network.activation", "rely", "relu"),
            ("network.loss", "cross_entrophy", "cross_entropy"),
            ("network.init", "he_unifrom", "he_uniform"),
            ("topology.method", "sett", "set"),
            ("neuron_pruning.criterion", "inn", "in"),
            ("optimizer.name", "sdg", "sgd"),
            ("data.format", "cvs", "csv"),
        ):
            with self.subTest(key=key):
                self.refuse(key, name, nearest, arguments=settings(**{key: name}))

    def test_an_unknown_activation_on_two_ranks(self):
        self.refuse("network.activation is 'rely'", "Did you mean 'relu'?",
                    arguments=settings(network__activation="rely"), ranks=2)

    def test_epsilon_and_density_together(self):
        text = self.config.read_text().replace("density = 0.3", "density = 0.3\nepsilon = 20")
        both = self.write("both.toml", text)

        self.refuse("both.toml line", "topology.epsilon and topology.density", "Remove one of them",
                    config=both)

    # The data.

    def damaged_data(self, name, damage):
        """A copy of the data whose file `name` has been rewritten. damage: text -> text."""
        folder = self.folder / f"data-{self._testMethodName}"
        shutil.copytree(self.data, folder)
        (folder / name).write_text(damage((folder / name).read_text()))
        return settings(data__path=folder)

    def idx_data(self, images=6, labels=6, shorten=0):
        """Images of 4 x 5 pixels as gzip; the training images lack the last `shorten` bytes of the file."""
        folder = self.folder / f"data-{self._testMethodName}"
        folder.mkdir()
        for part in ("train", "t10k"):
            pixels = idx_bytes([images, 4, 5], os.urandom(20 * images))
            classes = idx_bytes([labels], [i % 5 for i in range(labels)])
            (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(pixels))
            (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(classes))
        file = folder / "train-images-idx3-ubyte.gz"
        os.truncate(file, file.stat().st_size - shorten)
        return settings(data__path=folder, data__format="idx")

    def test_a_missing_data_folder(self):
        self.refuse("data folder '/no/such' does not exist", "Set data.path",
                    arguments=settings(data__path="/no/such"), ranks=2)

    def test_a_data_folder_without_the_files(self):
        self.refuse("holds neither", "train-images-idx3-ubyte", "data.format",
                    arguments=settings(data__format="idx"))

    def test_a_truncated_gzip_file(self):
        self.refuse("train-images-idx3-ubyte.gz", "truncated", "Copy the file again",
                    arguments=self.idx_data(shorten=12), ranks=2)

    def test_images_and_labels_of_different_counts(self):
        self.refuse("holds 6 images", "holds 7 labels", "belong together", arguments=self.idx_data(labels=7))

    def test_a_file_with_the_wrong_magic_number(self):
        arguments = self.idx_data()
        folder = self.folder / f"data-{self._testMethodName}"
        shutil.copy(folder / "train-labels-idx1-ubyte.gz", folder / "train-images-idx3-ubyte.gz")

        self.refuse("train-images-idx3-ubyte.gz", "magic number 0x00000801, expected 0x00000803",
                    arguments=arguments)

    def test_a_value_that_is_not_a_number(self):
        def poison(text):
            lines = text.splitlines(keepends=True)
            lines[2] = "nan" + lines[2][lines[2].index(","):]
            return "".join(lines)

        self.refuse("train.csv' line 3, column 1", "'nan'", "Remove or replace it",
                    arguments=self.damaged_data("train.csv", poison), ranks=2)

    def test_training_and_test_parts_that_differ_in_width(self):
        self.refuse("20 features", "test part 19",
                    arguments=self.damaged_data("test.csv", lambda text: "".join(
                        line.partition(",")[2] for line in text.splitlines(keepends=True))))

    def test_more_samples_wanted_than_there_are(self):
        self.refuse("train_samples is 1261", "holds 1260 samples", "Set data.train_samples",
                    arguments=settings(data__train_samples=1261))

    # What does not fit together.

    def test_a_network_with_other_inputs_than_the_data(self):
        self.refuse("begins with 30 inputs", "20 features", "Set the first number of network.layers to 20",
                    arguments=settings(network__layers="[30, 40, 5]"), ranks=2)

    def test_a_network_with_too_few_outputs(self):
        self.refuse("ends with 4 outputs", "5 classes", arguments=settings(network__layers="[20, 40, 4]"))

    def test_a_rank_would_have_zero_samples(self):
        self.refuse("3 ranks", "zero samples", "training.batch_size to 65 or more",
                    arguments=settings(training__batch_size=32), ranks=3)

    # The output directory.

    def finished_run(self):
        out = self.out()
        self.train(out, *settings(training__epochs=2))
        return out

    def contents(self, out):
        return {file: file.read_bytes() for file in out.rglob("*") if file.is_file() and file.name != ".lock"}

    def test_the_directory_of_another_run(self):
        out = self.finished_run()
        before = self.contents(out)

        self.refuse("belongs to another run", "training.seed: 1 -> 2", "Choose another --out",
                    arguments=settings(training__epochs=2, training__seed=2), out=out, ranks=2)

        self.assertEqual(self.contents(out), before)

    def test_the_directory_of_a_run_on_other_data(self):
        out = self.finished_run()
        reordered = self.damaged_data("train.csv", lambda text: "\n".join(sorted(text.splitlines())))

        self.refuse("trains on other data", "Choose another --out",
                    arguments=settings(training__epochs=2) + reordered, out=out)

    def test_never_resume_refuses_an_existing_run(self):
        out = self.finished_run()
        before = self.contents(out)

        self.refuse("--resume auto", "Choose another --out", out=out, ranks=2,
                    arguments=["--resume", "never", *settings(training__epochs=2)])

        self.assertEqual(self.contents(out), before)

    def test_a_directory_with_foreign_files(self):
        out = self.out()
        out.mkdir()
        (out / "thesis.txt").write_text("do not touch")

        self.refuse("holds files that are no plexus run", "Choose another --out", out=out)

        self.assertEqual([file.name for file in out.iterdir()], ["thesis.txt"])

    def test_resume_from_a_file_that_does_not_exist(self):
        self.refuse("cannot read checkpoint 'no/such.h5'", arguments=["--resume", "no/such.h5"], ranks=2)

    def test_resume_from_a_checkpoint_of_another_experiment(self):
        checkpoint = checkpoints(self.finished_run())[-1]

        other = self.out("-of-another-seed")

        self.refuse("belongs to another experiment", "training.seed: 1 -> 3", out=other,
                    arguments=["--resume", checkpoint, *settings(training__epochs=2, training__seed=3)])

        self.assertFalse(other.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
