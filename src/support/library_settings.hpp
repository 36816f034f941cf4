#pragma once

namespace plexus {

/// Some libraries read how they shall work from the environment, and only when they are loaded: this says it
/// there and starts the program once more. Nothing is changed that the user has chosen, and nothing happens
/// where the system cannot. Call it first in main.
///
/// Threads that wait for others at the end of a parallel region shall look out for some tens of microseconds,
/// as long as the others may well take, and then sleep (GOMP_SPINCOUNT, OMP_WAIT_POLICY). GNU's OpenMP
/// library by itself looks out for milliseconds, which starves whoever shares the core.
///
/// Memory shall come in pages of 2 MiB where the system has them to give (GLIBC_TUNABLES,
/// glibc.malloc.hugetlb): what goes through large layers would otherwise wait for address translation. And
/// what a rewiring gives back shall be there for the next one (glibc.malloc.mmap_threshold and
/// trim_threshold): the system would have to clear it first, a page after the other.
void set_up_libraries(char** argv);

}  // namespace plexus
