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

Handle create_file(const fs::path& path, hid_t access) {
  const Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "create file properties");
  check(H5Pset_obj_track_times(creation.id(), false), "choose the file format");
  return {H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), access), H5Fclose, "create the file"};
}

Handle reopen_file(const fs::path& path, hid_t access) {
  return {H5Fopen(path.c_str(), H5F_ACC_RDWR, access), H5Fclose, "open the file"};
}

/// The attributes that all files begin with.
void write_header(Group& root, const FileFormat& format, std::string_view code_version) {
  root.set("format", format.name);
  root.set("format_version", std::vector<std::int32_t>{format.major, format.minor});
  root.set("code_version", code_version);
  root.set("created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))));
}

/// Opens or creates a file by `open(path, access properties)`, hands its root to `fill` and closes it.
void write_content(const fs::path& path, Handle (*open)(const fs::path&, hid_t),
                   const std::function<void(Group&)>& fill, WriteStatus& status) {
  const Handle access = file_access();
  use_own_driver(access.id(), status);
  Handle file = open(path, access.id());
  {
    Group root = root_of(file);
    fill(root);
  }
  file.close("close the file");
  ensure(status.error == 0, "HDF5 could not write all of it");
}

/// Calls `write(status)`. @throws Fault "cannot write 'PATH': reason" if that fails.
template <class Write>
void writing(const fs::path& path, Write&& write) {
  WriteStatus status;
  try {
    write(status);
  } catch (const Error& error) {
    throw Fault(fmt::format("cannot write '{}': {}", path.string(),
                            status.error == 0 ? error.what() : reason_of(status.error)));
  }
}

void mark_complete(Group& root) { root.set("complete", std::int32_t{1}); }

/// Compares the arrays of a sealed file with their hashes.
/// @param path  the name that the file will have
void read_back(const fs::path& temporary_path, const fs::path& path, const FileFormat& format) {
  try {
    read_file(temporary_path, format, [](const Group& root) { root.verify_datasets(); });
  } catch (const Error& error) {
    throw Fault(fmt::format("cannot write '{}': reading it back failed: {}", path.string(), error.what()));
  }
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
  writing(path, [&](WriteStatus& status) {
    const auto write = [&](Group& root) {
      write_header(root, format, code_version);
      fill(root);
      mark_complete(root);
    };
    write_content(temporary.path(), create_file, write, status);
    seal(temporary.path());
  });
  read_back(temporary.path(), path, format);
  temporary.publish();
}

StagedFile::StagedFile(fs::path path, const FileFormat& format, std::string_view code_version,
                       const std::function<void(Group&)>& fill)
    : path_(std::move(path)), format_(format), temporary_(path_) {
  prepare_library();
  writing(path_, [&](WriteStatus& status) {
    const auto write = [&](Group& root) {
      write_header(root, format, code_version);
      fill(root);
    };
    write_content(temporary_.path(), create_file, write, status);
  });
}

void StagedFile::add(const std::function<void(Group&)>& fill) {
  prepare_library();
  writing(path_, [&](WriteStatus& status) { write_content(temporary_.path(), reopen_file, fill, status); });
}

void StagedFile::publish(const std::function<void(Group&)>& complete, ReadBack wanted) {
  prepare_library();
  writing(path_, [&](WriteStatus& status) {
    const auto write = [&](Group& root) {
      complete(root);
      mark_complete(root);
    };
    write_content(temporary_.path(), reopen_file, write, status);
    seal(temporary_.path());
  });
  if (wanted == ReadBack::wanted) read_back(temporary_.path(), path_, format_);
  temporary_.publish();
}

void read_file(const fs::path& path, const FileFormat& format, const std::function<void(const Group&)>& read,
               Seal seal) {
  prepare_library();
  require(::access(path.c_str(), R_OK) == 0,
          "cannot read {} '{}': {}. Name a file that exists and may be read.", format.what, path.string(),
          reason_of(errno));
  bool header_is_known = false;
  try {
    if (seal == Seal::unchecked) check_seal(path);
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
