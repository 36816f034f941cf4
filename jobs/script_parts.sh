# What quickstart.sh, tests/run.sh and tests/bench/run.sh have in common. Sourced by them; `root` is the project's folder.

# shellcheck source=jobs/packages.sh
. "$root/jobs/packages.sh"

# plexus_options ARGUMENT...  Sets `install` and `out`, and puts all other arguments into `further`. With --help the
# second and the third line of the script are all that happens.
plexus_options() {
  install=install
  further=()
  while [ $# -gt 0 ]; do
    case $1 in
      -h | --help)
        sed -n '2,3s/^# //p' "$0"
        exit 0
        ;;
      --no-install) install=no-install ;;
      --out)
        [ $# -ge 2 ] || { echo "--out needs a folder" >&2; exit 64; }
        # shellcheck disable=SC2034
        out=$2
        shift
        ;;
      *) further+=("$1") ;;
    esac
    shift
  done
}

# plexus_build NAME TARGET OPTION_OF_CMAKE...  Builds in build/NAME and sets `build`; the end of the log if that fails.
plexus_build() {
  build=$root/build/$1
  local target=$2
  shift 2
  mkdir -p "$build"
  if ! { cmake -S "$root" -B "$build" -G Ninja "$@" && cmake --build "$build" --target "$target"; } \
    >"$build/build.log" 2>&1; then
    tail -n 60 "$build/build.log" >&2
    echo "The build failed; the whole log is $build/build.log" >&2
    exit 70
  fi
}
