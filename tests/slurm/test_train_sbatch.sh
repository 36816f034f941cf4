#!/usr/bin/env bash
# slurm/train.sbatch on a real Slurm: stop, requeue and resume of one array task; what is tried again and what is not.
#   [PLEXUS_PROGRAM=PATH] [PLEXUS_SLURM_TESTBED=FOLDER] tests/slurm/test_train_sbatch.sh
# PLEXUS_SLURM_TESTBED is a folder with slurm-up and slurm-down, which start and end a Slurm of four nodes on this
# machine. Without it the test uses the Slurm that is configured; two nodes with four CPUs together are enough.
# Exit code 77: skipped.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=$(readlink -f "${PLEXUS_PROGRAM:-$root/build/release/bin/plexus}")
cd "$root"

skip() {
  echo "skipped: $*"
  exit 77
}
[ -x "$program" ] || skip "no program '$program'; build it, or set PLEXUS_PROGRAM"
[ -d /usr/share/datasets/fashion-mnist ] || skip "the package dataset-fashion-mnist is not installed"

mkdir -p build
work=$(mktemp -d "$root/build/slurm-test.XXXXXX") # where all nodes see it
cluster=
clean_up() {
  local status=$?
  if [ $status -ne 0 ] && [ $status -ne 77 ]; then tail -n 60 "$work"/*.out 2>/dev/null || true; fi
  if [ ${#jobs[@]} -gt 0 ]; then scancel "${jobs[@]}" 2>/dev/null || true; fi
  if [ -n "$cluster" ]; then
    "$PLEXUS_SLURM_TESTBED/slurm-down" --purge "$cluster" || true
    rm -rf "$cluster"
  fi
  rm -rf "$work"
}
jobs=()
trap clean_up EXIT

if [ -n "${PLEXUS_SLURM_TESTBED:-}" ]; then
  cluster=$(mktemp -d /tmp/slurm.XXXXXX) # its sockets need a short path
  settings=$("$PLEXUS_SLURM_TESTBED/slurm-up" "$cluster" 2>"$work/slurm-up.log") ||
    skip "slurm-up did not start a Slurm here: $(tail -n 1 "$work/slurm-up.log")"
  eval "$settings"
elif ! timeout 20 sinfo >/dev/null 2>&1; then
  skip "no Slurm is configured, and PLEXUS_SLURM_TESTBED is not set"
fi
srun --mpi=list 2>&1 | grep -q pmix || skip "this Slurm has no PMIx plugin"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}
expect_equal() { [ "$2" = "$3" ] || fail "$1: expected '$2', found '$3'"; }

# submit NAME PROGRAM [options of sbatch] -- [arguments of train.sbatch]; sets `job`
submit() {
  local name=$1 its_program=$2
  shift 2
  local resources=(--nodes=2 --ntasks-per-node=2 --cpus-per-task=1 --time=10 "--output=$work/$name.out")
  while [ "$1" != -- ]; do
    resources+=("$1")
    shift
  done
  shift
  job=$(PLEXUS_PROGRAM=$its_program sbatch --parsable "${resources[@]}" slurm/train.sbatch "$@")
  jobs+=("$job")
}
field() { scontrol show job -o "$1" | grep -oE "(^| )$2=[^ ]*" | cut -d= -f2; }
# wait_for_end JOB STATE
wait_for_end() {
  local state end=$((SECONDS + 400))
  while state=$(field "$1" JobState); do
    case $state in PENDING | RUNNING | COMPLETING | REQUEUED | CONFIGURING) ;; *) break ;; esac
    [ $SECONDS -lt $end ] || fail "job $1 is still $state"
    sleep 0.5
  done
  expect_equal "end of job $1" "$2" "$state"
}
starts_in() { grep -c ', try ' "$work/$1.out"; }
# stand_in NAME LINE...: a shell script in place of plexus
stand_in() {
  printf '%s\n' '#!/bin/sh' "${@:2}" >"$work/$1"
  chmod +x "$work/$1"
}
value_of() { grep -oE "\"$2\": *[^,]+" "$1/summary.json" | sed 's/.*: *//'; }

config=jobs/configs/quickstart.toml
small=(--set data.train_samples=8000 --set data.test_samples=1000 --set training.epochs=6)

echo "a stopped array task is requeued alone, resumes, and ends as an undisturbed run does"
submit %a "$program" --array=1-2 -- "$config" --out "$work/run-%a" --set training.seed=%a "${small[@]}"
for ((i = 0; i < 600; ++i)); do
  [ ! -s "$work/run-2/metrics.jsonl" ] || break
  sleep 0.1
done
scancel --signal=USR1 "${job}_2"
wait_for_end "${job}_1" COMPLETED
wait_for_end "${job}_2" COMPLETED
for seed in 1 2; do
  PLEXUS_RANKS=3 PLEXUS_PROGRAM=$program OMPI_MCA_rmaps_base_oversubscribe=1 timeout 200 \
    bash slurm/train.sbatch "$config" --out "$work/reference-$seed" --set training.seed=$seed "${small[@]}" \
    >"$work/reference-$seed.out" 2>&1
  expect_equal "ranks" 4 "$(value_of "$work/run-$seed" ranks)"
  expect_equal "fingerprint of seed $seed" "$(value_of "$work/reference-$seed" fingerprint)" \
    "$(value_of "$work/run-$seed" fingerprint)"
done
expect_equal "starts of task 1" 1 "$(starts_in 1)"
expect_equal "starts of task 2" 2 "$(starts_in 2)"
grep -q 'stopped on request (SIGUSR1)' "$work/2.out" || fail "task 2 did not stop on request"
grep -q '^resumed' "$work/2.out" || fail "task 2 did not resume"

echo "a wrong config is not tried again"
submit wrong "$program" -- "$config" --out "$work/wrong" --set training.epochs=-1
wait_for_end "$job" FAILED
expect_equal "exit code" 64:0 "$(field "$job" ExitCode)"
expect_equal "starts" 1 "$(starts_in wrong)"

export PLEXUS_RETRY_SECONDS=0
echo "ranks that leave one after the other keep their exit code"
# shellcheck disable=SC2016
stand_in leaves_late 'sleep $SLURM_PROCID || exit' 'exit 64'
submit late "$work/leaves_late" -- "$config"
wait_for_end "$job" FAILED
expect_equal "exit code" 64:0 "$(field "$job" ExitCode)"

echo "a failure is tried three times"
stand_in fails 'exit 70'
submit fails "$work/fails" -- "$config"
wait_for_end "$job" FAILED
expect_equal "exit code" 70:0 "$(field "$job" ExitCode)"
expect_equal "starts" 3 "$(starts_in fails)"

echo "exit code 0 without a summary is not the end; requeues are counted"
stand_in vanishes 'exit 0'
export PLEXUS_MAX_REQUEUES=1
submit vanishes "$work/vanishes" -- "$config" --out "$work/vanishes.run"
wait_for_end "$job" FAILED
expect_equal "exit code" 75:0 "$(field "$job" ExitCode)"
expect_equal "starts" 2 "$(starts_in vanishes)"

echo "passed"
