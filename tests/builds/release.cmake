# cmake -C tests/builds/release.cmake -S . -B build/test: what users run, with the tests.
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
