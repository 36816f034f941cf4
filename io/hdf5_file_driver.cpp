#include "io/hdf5_file_driver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "io/file_descriptor.hpp"
#include "io/file_progress.hpp"
#include "src/support/error.hpp"
#include "src/support/sign_of_life.hpp"

namespace plexus::hdf5 {

namespace {

/// Driver properties, copied by HDF5 byte by byte.
struct DriverInfo {
  WriteStatus* status;
};

/// An open file. HDF5 knows only `common`, which therefore comes first.
struct DriverFile {
  H5FD_t common{};
  FileDescriptor descriptor;
  WriteStatus* status = nullptr;
  haddr_t end_of_allocation = 0;
  haddr_t end_of_file = 0;
  dev_t device{};
  ino_t inode{};

  void note(int error) {
    if (status->error == 0) status->error = error;
  }
};
static_assert(std::is_standard_layout_v<DriverFile>);

DriverFile& of(H5FD_t* file) { return *reinterpret_cast<DriverFile*>(file); }
const DriverFile& of(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file); }

/// HDF5 first tries to open a file it creates as an existing one, so a failure here is noted only until one
/// succeeds.
H5FD_t* open_file(const char* name, unsigned flags, hid_t fapl, haddr_t) {
  const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(fapl));
  if (info == nullptr) return nullptr;
  int mode = O_CLOEXEC | ((flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY);
  if ((flags & H5F_ACC_TRUNC) != 0) mode |= O_TRUNC;
  if ((flags & H5F_ACC_CREAT) != 0) mode |= O_CREAT;
  if ((flags & H5F_ACC_EXCL) != 0) mode |= O_EXCL;
  FileDescriptor descriptor(::open(name, mode, 0666));
  struct stat properties {};
  if (!descriptor.is_open() || ::fstat(descriptor.number(), &properties) != 0) {
    info->status->error = errno;
    return nullptr;
  }
  auto file = std::unique_ptr<DriverFile>(new (std::nothrow) DriverFile);
  if (file == nullptr) return nullptr;
  info->status->error = 0;
  file->descriptor = std::move(descriptor);
  file->status = info->status;
  file->end_of_file = static_cast<haddr_t>(properties.st_size);
  file->device = properties.st_dev;
  file->inode = properties.st_ino;
  return &file.release()->common;
}

herr_t close_file(H5FD_t* file) {
  const std::unique_ptr<DriverFile> owner(&of(file));
  if (::fsync(owner->descriptor.number()) != 0) owner->note(errno);
  if (const int error = owner->descriptor.reset(); error != 0) owner->note(error);
  return 0;
}

int compare(const H5FD_t* first, const H5FD_t* second) {
  const auto key = [](const DriverFile& file) { return std::pair(file.device, file.inode); };
  const auto a = key(of(first)), b = key(of(second));
  return a < b ? -1 : (b < a ? 1 : 0);
}

/// The features of HDF5's own POSIX driver that need nothing from us.
herr_t query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t end_of_allocation(const H5FD_t* file, H5FD_mem_t) { return of(file).end_of_allocation; }

herr_t set_end_of_allocation(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  of(file).end_of_allocation = end;
  return 0;
}

haddr_t end_of_file(const H5FD_t* file, H5FD_mem_t) { return of(file).end_of_file; }

/// Beyond the end of the file stand zeros, as in HDF5's own driver.
herr_t read_block(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t at, size_t size, void* buffer) {
  auto* to = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t got = ::pread(of(file).descriptor.number(), to, size, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {
      std::memset(to, 0, size);
      return 0;
    }
    sign_of_life();
    to += got;
    at += static_cast<haddr_t>(got);
    size -= static_cast<size_t>(got);
  }
  return 0;
}

herr_t write_block(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t at, size_t size, const void* buffer) {
  DriverFile& f = of(file);
  const auto* from = static_cast<const char*>(buffer);
  count_file_piece();
  while (size > 0) {
    const ssize_t put = ::pwrite(f.descriptor.number(), from, size, static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) {
      f.note(errno);
      break;
    }
    sign_of_life();
    from += put;
    at += static_cast<haddr_t>(put);
    size -= static_cast<size_t>(put);
  }
  if (at + size > f.end_of_file) f.end_of_file = at + size;
  return 0;
}

/// HDF5 asks for this before it closes a file: the file must end where the allocated space does.
herr_t truncate_file(H5FD_t* file, hid_t, hbool_t) {
  DriverFile& f = of(file);
  if (f.end_of_allocation == f.end_of_file) return 0;
  if (::ftruncate(f.descriptor.number(), static_cast<off_t>(f.end_of_allocation)) != 0) f.note(errno);
  f.end_of_file = f.end_of_allocation;
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
  driver.name = "plexus";
  driver.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(DriverInfo);
  driver.open = open_file;
  driver.close = close_file;
  driver.cmp = compare;
  driver.query = query;
  driver.get_eoa = end_of_allocation;
  driver.set_eoa = set_end_of_allocation;
  driver.get_eof = end_of_file;
  driver.read = read_block;
  driver.write = write_block;
  driver.truncate = truncate_file;
  constexpr H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
  static_assert(sizeof map == sizeof driver.fl_map);
  std::memcpy(driver.fl_map, map, sizeof map);
  return driver;
}

}  // namespace

void use_own_driver(hid_t fapl, WriteStatus& status) {
  static const H5FD_class_t driver = driver_class();  // HDF5 keeps a pointer to it
  static const hid_t id = H5FDregister(&driver);
  ensure(id >= 0, "HDF5 does not accept the file driver of plexus");
  const DriverInfo info{&status};
  ensure(H5Pset_driver(fapl, id, &info) >= 0, "HDF5 cannot use the file driver of plexus");
}

}  // namespace plexus::hdf5
