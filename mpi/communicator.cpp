#include "mpi/communicator.hpp"

#include <exception>
#include <numeric>

namespace plexus {

Communicator::Communicator(MPI_Comm handle)
    : handle_(handle), exceptions_at_start_(std::uncaught_exceptions()) {
  check_mpi(MPI_Comm_set_errhandler(handle_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(handle_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(handle_, &size_), "MPI_Comm_size");
}

Communicator::~Communicator() {
  if (handle_ == MPI_COMM_WORLD || std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Comm_free(&handle_);
}

std::shared_ptr<const Communicator> Communicator::world() {
  return std::shared_ptr<const Communicator>(new Communicator(MPI_COMM_WORLD));
}

std::shared_ptr<const Communicator> Communicator::split(int color) const {
  MPI_Comm part = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(handle_, color, rank_, &part), "MPI_Comm_split");
  return std::shared_ptr<const Communicator>(new Communicator(part));
}

std::shared_ptr<const Communicator> Communicator::copy() const {
  MPI_Comm same = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(handle_, &same), "MPI_Comm_dup");
  return std::shared_ptr<const Communicator>(new Communicator(same));
}

std::vector<int> Communicator::ranks_of_world() const {
  MPI_Group own = MPI_GROUP_NULL;
  MPI_Group all = MPI_GROUP_NULL;
  check_mpi(MPI_Comm_group(handle_, &own), "MPI_Comm_group");
  check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &all), "MPI_Comm_group");
  std::vector<int> here(static_cast<std::size_t>(size_));
  std::iota(here.begin(), here.end(), 0);
  std::vector<int> there(here.size());
  check_mpi(MPI_Group_translate_ranks(own, size_, here.data(), all, there.data()),
            "MPI_Group_translate_ranks");
  MPI_Group_free(&own);
  MPI_Group_free(&all);
  return there;
}

bool Communicator::on_one_machine() const {
  MPI_Comm machine = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split_type(handle_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &machine),
            "MPI_Comm_split_type");
  int neighbours = 0;
  check_mpi(MPI_Comm_size(machine, &neighbours), "MPI_Comm_size");
  check_mpi(MPI_Comm_free(&machine), "MPI_Comm_free");
  return neighbours == size_;
}

}  // namespace plexus
