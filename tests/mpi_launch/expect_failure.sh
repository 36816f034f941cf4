#!/usr/bin/env bash
# Runs a command and checks how it ends, above all when it must fail.
#   expect_failure.sh EXIT_CODE SECONDS LINE_COUNT PATTERN COMMAND...
# EXIT_CODE   what the command must return
# SECONDS     it must have ended by then, and none of its processes may be left
# LINE_COUNT  so many lines of its output must match PATTERN (extended regular expression); "+" = at least one
set -u
want_code=$1 seconds=$2 want_lines=$3 pattern=$4
shift 4

# Every process that the command starts inherits this mark, also those whose parent dies.
mark=PLEXUS_TEST_JOB=$$.$RANDOM
survivors() { grep -lsz "^$mark\$" /proc/[0-9]*/environ; }

output=$(env "$mark" timeout --kill-after=5 "$seconds" "$@" 2>&1)
code=$?
lines=$(grep -cE -- "$pattern" <<<"$output")

problem=
if ((code == 124)); then
  problem="still running after $seconds s"
elif ((code != want_code)); then
  problem="exit code $code, expected $want_code"
elif [[ $want_lines == + && $lines == 0 || $want_lines != + && $lines != "$want_lines" ]]; then
  problem="$lines lines match '$pattern', expected $want_lines"
elif [[ -n $(survivors) ]] && sleep 2 && [[ -n $(survivors) ]]; then
  problem="processes left behind: $(survivors | tr '\n' ' ')"
fi
printf '%s\n' "$output"
if [[ -n $problem ]]; then
  printf -- '--- %s: %s\n' "$*" "$problem"
  exit 1
fi
