#include "io/hdf5_file.hpp"

#include <fmt/chrono.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "io/durable_file.hpp"
#include "io/file_descriptor.hpp"
#include "io/file_seal.hpp"
#include "io/hdf5_file_driver.hpp"
#include "src/support/error.hpp"

namespace plexus::hdf5 {

namespace fs = std::filesystem;

namespace {

Handle file_access() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "create file properties");
  // Format of HDF5 1.8: its metadata carry checksums, unlike the older one's, and every HDF5 in use reads it.
  check(H5Pset_libver_bounds(access.id(), H5F_LIBVER_V18, H5F_LIBVER_V18), "choose the file format");
  return access;
}

Group root_of(const Handle& file) {
  return Group({H5Gopen2(file.id(), "/", H5P_DEFAULT), H5Gclose, "open the root group"});
}

void write_content(const fs::path& path, const FileFormat& format, std::string_view code_version,
                   const std::function<void(Group&)>& fill, WriteStatus& status) {
  const Handle access = file_access();
  use_own_driver(access.id(), status);
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "create file properties");
  check(H5Pset_obj_track_times(creation.id(), false), "choose the file format");
  Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access.id()), H5Fclose,
              "create the file");
  {
    Group root = root_of(file);
    root.set("format", format.name);
    root.set("format_version", std::vector<std::int32_t>{format.major, format.minor});
    root.set("code_version", code_version);
    root.set("created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))));
    fill(root);
    root.set("complete", std::int32_t{1});
  }
  file.close("close the file");
}

void check_header(const Group& root, const fs::path& path, const FileFormat& format) {
  const std::string found = root.has_attribute("format") ? root.text("format") : "";
  require(found == format.name, "'{}' is no {}: its attribute 'format' is '{}' (must be '{}').",
          path.string(), format.what, found, format.name);
  const auto version = root.numbers<std::int32_t>("format_version", 2);
  require(version[0] == format.major,
          "{} '{}' has format version {}.{}, this build reads {}.x. Use a {} build.", format.what,
          path.string(), version[0], version[1], format.major,
          version[0] > format.major ? "newer" : "former");
}

}  // namespace

void write_file(const fs::path& path, const FileFormat& format, std::string_view code_version,
                const std::function<void(Group&)>& fill) {
  prepare_library();
  TemporaryFile temporary(path);
  WriteStatus status;
  try {
    write_content(temporary.path(), format, code_version, fill, status);
    ensure(status.error == 0, "HDF5 could not write all of it");
    seal(temporary.path());
  } catch (const Error& error) {
    throw Fault(fmt::format("cannot write '{}': {}", path.string(),
                            status.error == 0 ? error.what() : reason_of(status.error)));
  }
  try {
    read_file(temporary.path(), format, [](const Group& root) { root.verify_datasets(); });
  } catch (const Error& error) {
    throw Fault(fmt::format("cannot write '{}': reading it back failed: {}", path.string(), error.what()));
  }
  temporary.publish();
}

void read_file(const fs::path& path, const FileFormat& format,
               const std::function<void(const Group&)>& read) {
  prepare_library();
  require(::access(path.c_str(), R_OK) == 0,
          "cannot read {} '{}': {}. Name a file that exists and may be read.", format.what, path.string(),
          reason_of(errno));
  bool header_is_known = false;
  try {
    check_seal(path);
    const Handle access = file_access();
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose, "open the file");
    const Group root = root_of(file);
    check_header(root, path, format);
    header_is_known = true;
    ensure(root.number<std::int32_t>("complete") == 1, "it was not written to its end");
    read(root);
  } catch (const InputError& error) {
    if (!header_is_known) throw;
    throw InputError(fmt::format("{} '{}' is damaged: {}", format.what, path.string(), error.what()));
  } catch (const Fault& error) {
    throw InputError(fmt::format("{} '{}' is damaged: {}", format.what, path.string(), error.what()));
  }
}

}  // namespace plexus::hdf5
