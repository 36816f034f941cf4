# Installing what plexus needs from Debian's packages. Sourced by script_parts.sh.

# To build and run the program.
plexus_packages="g++ cmake ninja-build openmpi-bin libopenmpi-dev libhdf5-dev libeigen3-dev libfmt-dev
  libboost-serialization-dev libtomlplusplus-dev nlohmann-json3-dev libcli11-dev librandom123-dev libxxhash-dev
  zlib1g-dev"
# The real Fashion-MNIST, 60,000 + 10,000 images.
plexus_data_packages="dataset-fashion-mnist"
# To build and run the tests.
plexus_test_packages="libgtest-dev python3-h5py python3-scipy"
# To build and run the benchmark.
plexus_bench_packages="libgtest-dev libopenblas-dev python3-scipy"

# plexus_need MODE PACKAGE...  MODE is "install" or "no-install". Asks apt only when something is missing.
plexus_need() {
  local mode=$1 package missing=() as_root=()
  shift
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$mode" = no-install ]; then
    echo "Missing packages: ${missing[*]}" >&2
    echo "Ask an administrator for: apt-get install ${missing[*]}" >&2
    return 64
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Missing packages: ${missing[*]}" >&2
      echo "Installing them needs root. Run this script as root, or with --no-install for the list alone." >&2
      return 64
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || echo "apt-get update failed; trying with the package lists at hand." >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/dev/null || {
    echo "apt-get could not install: ${missing[*]}" >&2
    return 70
  }
}
