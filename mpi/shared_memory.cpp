#include "mpi/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <string>

#include "mpi/collectives.hpp"

namespace plexus {

namespace {

/// A file descriptor, closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_;
};

class MappedRegions final : public SharedRegions {
 public:
  MappedRegions(std::byte* begin, std::size_t region_bytes, std::size_t bytes)
      : begin_(begin), region_bytes_(region_bytes), bytes_(bytes) {}
  ~MappedRegions() override { munmap(begin_, bytes_); }
  MappedRegions(const MappedRegions&) = delete;
  MappedRegions& operator=(const MappedRegions&) = delete;
  [[nodiscard]] std::byte* of_rank(int rank) const override {
    return begin_ + static_cast<std::size_t>(rank) * region_bytes_;
  }

 private:
  std::byte* begin_;
  std::size_t region_bytes_;
  std::size_t bytes_;
};

/// Takes this rank's pages and maps those of all. @return nullptr if that fails
std::unique_ptr<MappedRegions> mapped(const Descriptor& file, const DistributedContext& ctx,
                                      std::size_t region_bytes) {
  if (!file.valid()) return nullptr;
  const auto ranks = static_cast<std::size_t>(ctx.size());
  // Pages are taken now: touching what is not there would be a fatal signal later.
  const auto begin = static_cast<off_t>(static_cast<std::size_t>(ctx.rank()) * region_bytes);
  if (posix_fallocate(file.get(), begin, static_cast<off_t>(region_bytes)) != 0) return nullptr;
  void* place = mmap(nullptr, ranks * region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (place == MAP_FAILED) return nullptr;
  return std::make_unique<MappedRegions>(static_cast<std::byte*>(place), region_bytes, ranks * region_bytes);
}

}  // namespace

std::unique_ptr<SharedRegions> map_shared_regions(DistributedContext& ctx, std::size_t bytes_per_rank) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t region_bytes = (bytes_per_rank + page - 1) / page * page;
  std::string name;
  if (ctx.rank() == 0) name = fmt::format("/plexus-{}-{:08x}", getpid(), std::random_device{}());
  broadcast_message(ctx, name, 0);

  const auto open = [&](int flags) { return shm_open(name.c_str(), O_RDWR | flags, S_IRUSR | S_IWUSR); };
  // The first rank's file has its length before the others look for it: a file of another machine or
  // container that happens to have the name is not taken for it, as its number would be another.
  std::uint64_t number = 0;
  Descriptor first(ctx.rank() == 0 ? open(O_CREAT | O_EXCL) : -1);
  const auto total = static_cast<off_t>(static_cast<std::size_t>(ctx.size()) * region_bytes);
  if (ctx.rank() == 0 && first.valid() && ftruncate(first.get(), total) == 0)
    number = std::random_device{}() | 1U;
  if (number != 0 && pwrite(first.get(), &number, sizeof(number), 0) != sizeof(number)) number = 0;
  broadcast_message(ctx, number, 0);

  std::unique_ptr<MappedRegions> regions;
  if (number != 0) {
    const Descriptor file(open(0));
    std::uint64_t found = 0;
    const bool same = file.valid() && pread(file.get(), &found, sizeof(found), 0) == sizeof(found);
    if (same && found == number) regions = mapped(file, ctx, region_bytes);
  }
  const bool on_all = sum(ctx, std::int64_t{regions == nullptr ? 1 : 0}) == 0;
  if (ctx.rank() == 0) {
    if (first.valid()) shm_unlink(name.c_str());
    if (regions != nullptr) *reinterpret_cast<std::uint64_t*>(regions->of_rank(0)) = 0;
  }
  ctx.barrier();
  if (!on_all) return nullptr;
  return regions;
}

}  // namespace plexus
