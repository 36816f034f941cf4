#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace plexus {

/// Allocates at cache-line boundaries, which is also the width of the widest vector register.
template <class T>
struct CacheAlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  CacheAlignedAllocator() = default;
  template <class U>
  CacheAlignedAllocator(const CacheAlignedAllocator<U>&) {}

  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), alignment)); }
  void deallocate(T* place, std::size_t) { ::operator delete(place, alignment); }
  bool operator==(const CacheAlignedAllocator&) const { return true; }
};

template <class T>
using AlignedVector = std::vector<T, CacheAlignedAllocator<T>>;

}  // namespace plexus
