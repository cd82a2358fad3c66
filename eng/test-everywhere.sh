#!/usr/bin/env bash
# Runs all tests under every CPU capability, number of threads and culture that they have to pass in, the first setting twice.
# Each capability meets both numbers of threads and both cultures. Prints a line per run; the logs stay in artifacts/test-everywhere.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

LOGS=artifacts/test-everywhere
SETTINGS=('default 1 tr_TR' 'default 2 de_DE' 'avx2 1 de_DE' 'avx2 2 tr_TR' 'any 1 tr_TR' 'any 2 de_DE' 'default 1 tr_TR')
code=0 first=''
mkdir -p "$LOGS"

for setting in "${SETTINGS[@]}"; do
  read -r capability threads culture <<<"$setting"
  started=$SECONDS outcome=passed log=$LOGS/$capability-$threads-$culture.log
  variables=(OMP_NUM_THREADS="$threads" LC_ALL="$culture.UTF-8")
  if [ "$capability" != any ]; then variables+=(ATEN_CPU_CAPABILITY="$capability"); fi
  env -u ATEN_CPU_CAPABILITY "${variables[@]}" ./build.sh test "$@" </dev/null >"$log" 2>&1 || outcome=FAILED
  counts=$(grep -E '^ +(total|failed|succeeded|skipped): [0-9]+$' "$log" | tail -n 4 | tr -s ' \n' ' ')
  first=${first:-$counts}
  if [ -z "$counts" ] || [ "$counts" != "$first" ]; then outcome=FAILED; fi
  printf '%-8s %s threads, %s: %s%s (%d s)\n' "$capability" "$threads" "$culture" "$outcome" "$counts" "$((SECONDS - started))"
  if [ "$outcome" = FAILED ]; then code=1; fi
done
exit "$code"
