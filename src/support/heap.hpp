#pragma once

namespace plexus {

/// Up to 64 MiB of freed memory stay with the program, ready to be used again. A rewiring takes and frees
/// some tens of megabytes layer by layer; to get each piece from the system and to have it cleared again
/// costs an eighth of the whole (measured). Nothing happens with another C library than GNU's. Call it first
/// in main.
void keep_freed_memory();

/// Gives the memory of a container back. `container = {}` empties a vector, but keeps its memory.
template <class Container>
void give_back(Container& container) {
  Container().swap(container);
}

}  // namespace plexus
