#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace plexus {

/// Allocates at cache-line boundaries, which is also the width of the widest vector register. Large arrays
/// get pages of 2 MiB where the system has them to give: kernels that go through them at random would
/// otherwise wait for address translation.
template <class T>
struct CacheAlignedAllocator {
  using value_type = T;
  static constexpr std::size_t cache_line = 64;
  static constexpr std::size_t huge_page = std::size_t{2} << 20;
  static constexpr std::size_t large = huge_page / 8;

  CacheAlignedAllocator() = default;
  template <class U>
  CacheAlignedAllocator(const CacheAlignedAllocator<U>&) {}

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < large) return static_cast<T*>(::operator new (bytes, std::align_val_t{cache_line}));
    const std::size_t pages = (bytes + huge_page - 1) / huge_page * huge_page;
    void* place = ::operator new (pages, std::align_val_t{huge_page});
#ifdef MADV_HUGEPAGE
    static_cast<void>(madvise(place, pages, MADV_HUGEPAGE));  // without it the array is as usable
#endif
    return static_cast<T*>(place);
  }
  void deallocate(T* place, std::size_t count) {
    ::operator delete (place, std::align_val_t{count * sizeof(T) < large ? cache_line : huge_page});
  }
  bool operator==(const CacheAlignedAllocator&) const { return true; }
};

template <class T>
using AlignedVector = std::vector<T, CacheAlignedAllocator<T>>;

/// Memory for `size()` numbers, which have no values before they are given some.
template <class T>
class Scratch {
  static_assert(std::is_trivial_v<T>);

 public:
  Scratch() = default;
  explicit Scratch(std::size_t size) : size_(size), place_(std::make_unique_for_overwrite<T[]>(size)) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] T* data() { return place_.get(); }
  [[nodiscard]] const T* data() const { return place_.get(); }
  [[nodiscard]] T& operator[](std::size_t i) { return place_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return place_[i]; }

 private:
  std::size_t size_ = 0;
  std::unique_ptr<T[]> place_;
};

}  // namespace plexus
