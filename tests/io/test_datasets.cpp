#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "io/datasets/load_data.hpp"
#include "src/state/dataset_source.hpp"
#include "src/support/keyed_permutation.hpp"
#include "src/support/random_stream.hpp"
#include "tests/support/errors.hpp"
#include "tests/support/idx_files.hpp"
#include "tests/support/temp_dir.hpp"

namespace plexus {
namespace {

namespace fs = std::filesystem;

/// A format of this test: whatever it puts into `data`.
class MemorySource final : public DatasetSource {
 public:
  static inline DataSplit data;
  [[nodiscard]] DataSplit load(const DataConfig&) const override { return data; }
};

const DatasetRegistrar registrar{"memory", "for tests", [] { return std::make_unique<MemorySource>(); }};

class Datasets : public ::testing::Test {
 protected:
  [[nodiscard]] DataConfig config(const std::string& format, const std::string& scaling = "none") const {
    DataConfig data;
    data.path = folder_.path().string();
    data.format = format;
    data.scaling = scaling;
    return data;
  }
  [[nodiscard]] DataSplit load(const std::string& format, const std::string& scaling = "none") const {
    return load_data(config(format, scaling), 1);
  }
  [[nodiscard]] std::string refusal_of(const DataConfig& data) const {
    return input_error_of([&] { (void)load_data(data, 1); });
  }
  [[nodiscard]] std::string refusal_of(const std::string& format) const { return refusal_of(config(format)); }

  TempDir folder_;
};

TEST(DatasetRegistry, KnowsTheFormats) {
  EXPECT_EQ(DatasetRegistry::instance().names(), (std::vector<std::string>{"csv", "idx", "memory"}));
}

TEST_F(Datasets, RefusesAnUnknownFormat) {
  EXPECT_TRUE(says(refusal_of("idxs"), {"data.format", "'idxs'", "Did you mean 'idx'?"}));
}

// --- idx ---

class Idx : public Datasets {
 protected:
  Idx() { write_small_idx(folder_); }
};

TEST_F(Idx, LoadsPlainFiles) {
  const DataSplit data = load("idx");

  EXPECT_EQ(data.train.features_per_sample, 2);
  EXPECT_EQ(data.train.features, (std::vector<float>{0, 255, 51, 102, 10, 20}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{0, 2, 1}));
  EXPECT_EQ(data.test.features, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(data.test.labels, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(data.train.classes, 3);
  EXPECT_EQ(data.test.classes, 3);
  EXPECT_EQ(data.name, folder_.path().filename().string());
}

TEST_F(Idx, GzipFilesHoldTheSameData) {
  const DataSplit plain = load("idx");
  for (const auto& entry :
       std::vector<fs::directory_entry>(fs::directory_iterator(folder_.path()), fs::directory_iterator())) {
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    folder_.write(entry.path().filename().string() + ".gz", gzip_bytes(bytes));
    fs::remove(entry.path());
  }

  const DataSplit packed = load("idx");

  EXPECT_EQ(packed.train.features, plain.train.features);
  EXPECT_EQ(packed.train.labels, plain.train.labels);
  EXPECT_EQ(packed.test.features, plain.test.features);
  EXPECT_EQ(packed.identity, plain.identity);
}

TEST_F(Idx, RefusesAMissingFolder) {
  DataConfig missing = config("idx");
  missing.path += "/none";
  DataConfig unset = config("idx");
  unset.path = "";
  DataConfig no_folder = config("idx");
  no_folder.path += "/train-labels-idx1-ubyte";

  EXPECT_TRUE(says(refusal_of(missing),
                   {missing.path, "does not exist", "Set data.path", "train-images-idx3-ubyte"}));
  EXPECT_TRUE(says(refusal_of(unset), {"data.path is not set", "train-images-idx3-ubyte"}));
  EXPECT_TRUE(says(refusal_of(no_folder), {no_folder.path, "is not a folder", "Set data.path"}));
}

TEST_F(Idx, RefusesAMissingFile) {
  fs::remove(folder_.path() / "t10k-labels-idx1-ubyte");

  EXPECT_TRUE(
      says(refusal_of("idx"), {folder_.path().string(), "t10k-labels-idx1-ubyte", ".gz", "Put one of them"}));
}

TEST_F(Idx, RefusesAFolderInThePlaceOfAFile) {
  fs::remove(folder_.path() / "t10k-labels-idx1-ubyte");
  fs::create_directory(folder_.path() / "t10k-labels-idx1-ubyte");

  EXPECT_TRUE(says(refusal_of("idx"), {"t10k-labels-idx1-ubyte' is a folder"}));
}

TEST_F(Idx, RefusesATruncatedGzipFile) {
  const std::string packed = gzip_bytes(idx_images(3, 1, 2, {0, 255, 51, 102, 10, 20}));
  fs::remove(folder_.path() / "train-images-idx3-ubyte");

  for (std::size_t size = 2; size < packed.size(); ++size) {
    folder_.write("train-images-idx3-ubyte.gz", packed.substr(0, size));

    EXPECT_TRUE(says(refusal_of("idx"), {"train-images-idx3-ubyte.gz", "truncated", "Copy the file again"}))
        << size;
  }
}

TEST_F(Idx, RefusesAGzipFileWithAFlippedBit) {
  const std::string packed = gzip_bytes(idx_images(3, 1, 2, {0, 255, 51, 102, 10, 20}));
  fs::remove(folder_.path() / "train-images-idx3-ubyte");

  const std::size_t trailer =
      packed.size() - 8;  // checksum and length; in the byte before, some bits are unused
  for (std::size_t byte = 10; byte < packed.size(); ++byte) {  // the header of gzip has 10 bytes
    if (byte == trailer - 1) continue;
    std::string damaged = packed;
    damaged[byte] = static_cast<char>(damaged[byte] ^ 0x10);
    folder_.write("train-images-idx3-ubyte.gz", damaged);

    const std::string refusal = refusal_of("idx");

    EXPECT_TRUE(says(refusal, {"train-images-idx3-ubyte.gz", "Copy the file again"})) << byte;
    EXPECT_TRUE(byte < trailer || says(refusal, {"is damaged"})) << byte;
  }
}

TEST_F(Idx, RefusesAWrongMagicNumber) {
  folder_.write("train-labels-idx1-ubyte", idx_images(3, 1, 1, {0, 1, 2}));
  const std::string images_for_labels = refusal_of("idx");
  folder_.write("train-labels-idx1-ubyte", idx_bytes(0xd01, {3}, {0, 1, 2}));
  const std::string floats = refusal_of("idx");

  EXPECT_TRUE(
      says(images_for_labels, {"train-labels-idx1-ubyte", "0x00000803", "expected 0x00000801", "Check"}));
  EXPECT_TRUE(
      says(floats, {"train-labels-idx1-ubyte", "0x00000d01", "expected 0x00000801", "unsigned bytes"}));
}

TEST_F(Idx, RefusesDifferentNumbersOfImagesAndLabels) {
  folder_.write("train-labels-idx1-ubyte", idx_labels({0, 1}));

  EXPECT_TRUE(says(refusal_of("idx"),
                   {"train-images-idx3-ubyte", "3 images", "train-labels-idx1-ubyte", "2 labels"}));
}

TEST_F(Idx, RefusesAFileThatDoesNotFitItsHeader) {
  const std::map<std::string, std::vector<std::string>> cases = {
      {idx_images(3, 1, 2, {1, 2, 3, 4, 5}), {"6 values promised, 5 found", "copy it again"}},
      {idx_images(3, 1, 2, {1, 2, 3, 4, 5, 6, 7}), {"6 values promised, 7 found"}},
      {idx_images(0xffffffff, 0xffffffff, 0xffffffff, {1}), {"values promised, 1 found"}},
      {idx_bytes(0x803, {3, 1}, {}), {"truncated", "12 bytes", "needs 16"}},
      {std::string("\0\0", 2), {"truncated", "2 bytes"}},
      {"", {"truncated", "0 bytes"}}};

  for (const auto& [bytes, parts] : cases) {
    folder_.write("train-images-idx3-ubyte", bytes);

    const std::string refusal = refusal_of("idx");

    EXPECT_TRUE(says(refusal, parts));
    EXPECT_TRUE(says(refusal, {"train-images-idx3-ubyte"}));
  }
}

TEST_F(Idx, RefusesZeroSamples) {
  folder_.write("t10k-images-idx3-ubyte", idx_images(0, 1, 2, {}));
  folder_.write("t10k-labels-idx1-ubyte", idx_labels({}));

  EXPECT_TRUE(says(refusal_of("idx"), {"t10k-images-idx3-ubyte", "size 0", "Use a file with samples"}));
}

TEST_F(Idx, RefusesPartsWithDifferentImageSizes) {
  folder_.write("t10k-images-idx3-ubyte", idx_images(2, 1, 1, {1, 2}));

  EXPECT_TRUE(says(refusal_of("idx"), {folder_.path().string(), "2 features", "test part 1"}));
}

// --- csv ---

class Csv : public Datasets {
 protected:
  Csv() { folder_.write("test.csv", "1,2,0\n"); }
};

TEST_F(Csv, LoadsWithHeaderAndAnyLineEnds) {
  folder_.write("train.csv", "\xef\xbb\xbfwidth, height ,class\r\n1.5, -2e1 ,1\r\n\r\n.25,3,0");

  const DataSplit data = load("csv");

  EXPECT_EQ(data.train.features_per_sample, 2);
  EXPECT_EQ(data.train.features, (std::vector<float>{1.5, -20, 0.25, 3}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(data.train.classes, 2);
  EXPECT_EQ(data.test.features, (std::vector<float>{1, 2}));
}

TEST_F(Csv, LoadsWithoutHeaderAndGzip) {
  folder_.write("train.csv.gz", gzip_bytes("1,2,1\n3,4,0\n"));

  EXPECT_EQ(load("csv").train.features, (std::vector<float>{1, 2, 3, 4}));
}

TEST_F(Csv, NamesFileLineAndColumnOfAWrongValue) {
  const std::map<std::string, std::vector<std::string>> cases = {
      {"a,b,c\n1,x,0\n", {"line 2, column 2", "'x' is not a number"}},
      {"1,2,0\n1,,0\n", {"line 2, column 2", "'' is not a number"}},
      {"1,2,0\n1,2x,0\n", {"line 2, column 2", "'2x' is not a number"}},
      {"1,2,0\n\nnan,2,0\n", {"line 3, column 1", "'nan' is not a finite", "Remove or replace"}},
      {"1,2,0\n1,-inf,0\n", {"line 2, column 2", "'-inf' is not a finite"}},
      {"1,2,0\n1e39,2,0\n", {"line 2, column 1", "'1e39' is not a finite single-precision number"}},
      {"1,2,0\n1,2,1.5\n", {"line 2, column 3", "label '1.5'", "number the classes from 0"}},
      {"1,2,0\n1,2,-1\n", {"line 2, column 3", "label '-1'"}},
      {"0,1,label\n1,2,1\n", {"line 1, column 3", "label 'label'"}},
      {"1,2,0\n1,2\n", {"line 2 has 2 columns", "have 3"}},
      {"a,b\n1,2,0\n", {"line 2 has 3 columns", "have 2"}},
      {"1\n", {"line 1 has 1 column(s)", "at least one number and the label"}},
      {"a,b,c\n", {"holds no samples", "Use a file with samples"}},
      {"", {"holds no samples"}}};

  for (const auto& [text, parts] : cases) {
    folder_.write("train.csv", text);

    const std::string refusal = refusal_of("csv");

    EXPECT_TRUE(says(refusal, parts));
    EXPECT_TRUE(says(refusal, {"train.csv"}));
  }
}

TEST_F(Csv, RefusesAMissingFile) {
  EXPECT_TRUE(says(refusal_of("csv"), {folder_.path().string(), "neither train.csv nor train.csv.gz"}));
}

TEST_F(Csv, RefusesPartsWithDifferentNumbersOfColumns) {
  folder_.write("train.csv", "1,2,3,0\n");

  EXPECT_TRUE(says(refusal_of("csv"), {"3 features", "test part 2"}));
}

// --- load_data: what holds for all formats ---

class LoadData : public ::testing::Test {
 protected:
  /// Both parts of 2 features and labels that count up; sample i of train is {i, 2 i}.
  LoadData() {
    config_.path = "some/place/";
    config_.format = "memory";
    config_.scaling = "none";
    MemorySource::data = {part(10), part(6), "", 0};
  }
  static Dataset part(std::int32_t samples) {
    Dataset data;
    data.features_per_sample = 2;
    for (std::int32_t i = 0; i < samples; ++i) {
      data.features.push_back(static_cast<float>(i));
      data.features.push_back(static_cast<float>(2 * i));
      data.labels.push_back(i);
    }
    return data;
  }
  [[nodiscard]] std::string refusal() const {
    return input_error_of([&] { (void)load_data(config_, 1); });
  }

  DataConfig config_;
};

TEST_F(LoadData, WithoutSubsetAndScalingKeepsAll) {
  const DataSplit data = load_data(config_, 1);

  EXPECT_EQ(data.train.features, MemorySource::data.train.features);
  EXPECT_EQ(data.train.labels, MemorySource::data.train.labels);
  EXPECT_EQ(data.test.features, MemorySource::data.test.features);
  EXPECT_EQ(data.train.classes, 10);
  EXPECT_EQ(data.test.classes, 10);
  EXPECT_EQ(data.name, "place");
}

TEST_F(LoadData, SubsetIsTheBeginningOfTheKeyedPermutation) {
  config_.train_samples = 4;
  config_.test_samples = 3;
  const KeyedPermutation train_order(RandomStream(7, Purpose::subset, 0, 0), 10);
  const KeyedPermutation test_order(RandomStream(7, Purpose::subset, 0, 1), 6);

  const DataSplit data = load_data(config_, 7);

  ASSERT_EQ(data.train.samples(), 4);
  ASSERT_EQ(data.test.samples(), 3);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto chosen = static_cast<std::int32_t>(train_order(i));
    EXPECT_EQ(data.train.labels[i], chosen);
    EXPECT_EQ(data.train.features[2 * i], static_cast<float>(chosen));
    EXPECT_EQ(data.train.features[2 * i + 1], static_cast<float>(2 * chosen));
  }
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(data.test.labels[i], static_cast<std::int32_t>(test_order(i)));
}

TEST_F(LoadData, SubsetDependsOnTheSeedOnly) {
  config_.train_samples = 8;

  const auto first = load_data(config_, 1);
  const auto again = load_data(config_, 1);
  const auto other = load_data(config_, 2);

  EXPECT_EQ(first.train.labels, again.train.labels);
  EXPECT_EQ(first.identity, again.identity);
  EXPECT_NE(first.train.labels, other.train.labels);
  EXPECT_NE(first.identity, other.identity);
  EXPECT_EQ(std::set(other.train.labels.begin(), other.train.labels.end()).size(), 8U);
}

TEST_F(LoadData, ClassesDoNotDependOnTheSubset) {
  config_.train_samples = 1;
  config_.test_samples = 1;

  const DataSplit data = load_data(config_, 1);

  EXPECT_EQ(data.train.classes, 10);
  EXPECT_EQ(data.test.classes, 10);
}

TEST_F(LoadData, RefusesASubsetLargerThanItsPart) {
  auto train = config_;
  train.train_samples = 11;
  config_.test_samples = 7;
  const std::string of_train = input_error_of([&] { (void)load_data(train, 1); });

  EXPECT_TRUE(says(
      of_train, {"train_samples is 11", "'some/place/' holds 10", "Set data.train_samples to at most 10"}));
  EXPECT_TRUE(says(refusal(), {"test_samples is 7", "holds 6", "Set data.test_samples to at most 6"}));
}

TEST_F(LoadData, UnitDividesBy255) {
  config_.scaling = "unit";
  MemorySource::data.train.features[0] = 255;

  const DataSplit data = load_data(config_, 1);

  EXPECT_EQ(data.train.features[0], 1.0F);
  EXPECT_EQ(data.train.features[1], 0.0F);
  EXPECT_EQ(data.train.features[3], 2.0F / 255.0F);
  EXPECT_EQ(data.test.features[2], 1.0F / 255.0F);
}

TEST_F(LoadData, StandardizeUsesMeanAndDeviationOfTheTrainingPart) {
  config_.scaling = "standardize";
  MemorySource::data.train.features = {1, 5, 3, 5, 5, 5, 7, 5};  // means 4 and 5, deviations sqrt(5) and 0
  MemorySource::data.train.labels = {0, 1, 0, 1};
  MemorySource::data.test.features = {4, 5, 14, 6};
  MemorySource::data.test.labels = {0, 1};

  const DataSplit data = load_data(config_, 1);

  const double scale = std::sqrt(5.0) + 1e-4;
  const std::vector<double> train = {-3 / scale, 0, -1 / scale, 0, 1 / scale, 0, 3 / scale, 0};
  const std::vector<double> test = {0, 0, 10 / scale, 1 / 1e-4};
  for (std::size_t i = 0; i < train.size(); ++i)
    EXPECT_FLOAT_EQ(data.train.features[i], static_cast<float>(train[i]));
  for (std::size_t i = 0; i < test.size(); ++i)
    EXPECT_FLOAT_EQ(data.test.features[i], static_cast<float>(test[i]));
}

TEST_F(LoadData, StandardizeUsesTheSubset) {
  config_.scaling = "standardize";
  config_.train_samples = 3;

  const DataSplit data = load_data(config_, 1);

  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const double x = data.train.features[2 * i];
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum, 0.0, 1e-5);
  EXPECT_NEAR(squares / 3, 1.0, 1e-3);
}

TEST_F(LoadData, RefusesValuesThatAreNotFinite) {
  MemorySource::data.test.features[7] = std::nanf("");
  const std::string of_test = refusal();
  MemorySource::data.train.features[4] = -INFINITY;
  const std::string of_train = refusal();

  EXPECT_TRUE(
      says(of_test, {"test part of 'some/place/'", "nan in sample 3, feature 1", "remove or replace"}));
  EXPECT_TRUE(says(of_train, {"train part of 'some/place/'", "-inf in sample 2, feature 0"}));
}

TEST_F(LoadData, RefusesLabelsOutsideOfTheirRange) {
  MemorySource::data.test.labels[5] = -1;
  const std::string negative = refusal();
  MemorySource::data.test.labels[5] = std::numeric_limits<std::int32_t>::max();
  const std::string huge = refusal();

  EXPECT_TRUE(says(negative, {"test part of 'some/place/'", "label -1 in sample 5", "from 0"}));
  EXPECT_TRUE(says(huge, {"label 2147483647 in sample 5"}));
}

TEST_F(LoadData, IdentityIsTheHashOfFeaturesAndLabelsInOrder) {
  const DataSplit data = load_data(config_, 1);

  std::string bytes;
  for (const Dataset* part : {&data.train, &data.test}) {
    bytes.append(reinterpret_cast<const char*>(part->features.data()), part->features.size() * sizeof(float));
    bytes.append(reinterpret_cast<const char*>(part->labels.data()),
                 part->labels.size() * sizeof(std::int32_t));
  }

  EXPECT_EQ(data.identity, XXH3_64bits(bytes.data(), bytes.size()));
}

TEST_F(LoadData, IdentityChangesWithAnyValueOrLabel) {
  const auto original = load_data(config_, 1).identity;
  MemorySource::data.test.features.back() += 1;
  const auto other_feature = load_data(config_, 1).identity;
  MemorySource::data.test.features.back() -= 1;
  MemorySource::data.train.labels.back() -= 1;
  const auto other_label = load_data(config_, 1).identity;

  EXPECT_NE(other_feature, original);
  EXPECT_NE(other_label, original);
}

TEST(FashionMnist, HasItsKnownSizes) {
  DataConfig config;
  config.path = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(config.path)) GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";

  const DataSplit data = load_data(config, 1);

  EXPECT_EQ(data.name, "fashion-mnist");
  EXPECT_EQ(data.train.samples(), 60000);
  EXPECT_EQ(data.test.samples(), 10000);
  EXPECT_EQ(data.train.features_per_sample, 784);
  EXPECT_EQ(data.train.classes, 10);
  EXPECT_EQ(std::ranges::count(data.train.labels, 3), 6000);
  EXPECT_EQ(std::ranges::max(data.train.features), 1.0F);
}

}  // namespace
}  // namespace plexus
