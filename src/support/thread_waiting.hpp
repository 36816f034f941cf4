#pragma once

namespace plexus {

/// Threads that wait for others at the end of a parallel region shall look out for some tens of microseconds,
/// as long as the others may well take, and then sleep. GNU's OpenMP library by itself looks out for
/// milliseconds, which starves whoever shares the core, and takes its number from the environment when it is
/// loaded: so this sets GOMP_SPINCOUNT and starts the program once more. Nothing happens where the user
/// has chosen (GOMP_SPINCOUNT or OMP_WAIT_POLICY), or where the system cannot. Call it first in main.
void wait_briefly(char** argv);

}  // namespace plexus
