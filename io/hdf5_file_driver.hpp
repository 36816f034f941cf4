#pragma once

#include <hdf5.h>

namespace plexus::hdf5 {

/// What became of the writes to one file: the errno of the first call that failed, 0 while all is well.
struct WriteStatus {
  int error = 0;
};

/// Lets files created with the access properties `fapl` be written through our own file driver. It tells HDF5
/// that every write succeeded and notes failures in `status`, which must outlive the file. Closing the file
/// syncs it to disk. The files are ordinary: any HDF5 program reads them with its default driver.
///
/// Why: when the last flush of a file fails (a full disk), HDF5 1.10.8 keeps a broken handle and the process
/// dies of a segmentation fault at exit, after training went well. With this driver HDF5 never meets a
/// failure.
void use_own_driver(hid_t fapl, WriteStatus& status);

}  // namespace plexus::hdf5
