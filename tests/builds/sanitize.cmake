# cmake -C tests/builds/sanitize.cmake -S . -B build/sanitize: address and undefined-behaviour sanitizers.
set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1" CACHE STRING "")
set(PLEXUS_SANITIZE ON CACHE BOOL "")
