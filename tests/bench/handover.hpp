#pragma once

namespace plexus::bench {

/// Independent. Seconds that a cache line takes from one of two threads to the other and back; 0 when OpenMP
/// uses one. Says how near to each other the cores are that the threads run on: under a hypervisor that can
/// change by a factor of ten from one minute to the next, and small layers on several threads change with it.
[[nodiscard]] double handover_seconds();

}  // namespace plexus::bench
