#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Run cmocka programs: a line for each, the whole output of those that fail, and the sum.
#   tools/run-unit.sh PROGRAM...      V=1 shows all output
set -uo pipefail

passed=0 failed=0
for program in "$@"; do
    log=$program.log
    "$program" >"$log" 2>&1 </dev/null
    status=$?
    # cmocka sums up with "[  PASSED  ] 5 test(s)." and "[  FAILED  ] 1 test(s), ..."
    good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test(s).*/\1/p' "$log" | tail -n 1)
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s).*/\1/p' "$log" | tail -n 1)
    good=${good:-0} bad=${bad:-0}
    # A program that crashes, or that reports nothing, is a failure of its own.
    if [ $((good + bad)) = 0 ] || { [ $status != 0 ] && [ "$bad" = 0 ]; }; then
        bad=$((bad + 1))
        echo "exit status $status" >>"$log"
    fi
    passed=$((passed + good)) failed=$((failed + bad))
    if [ "$bad" != 0 ]; then
        cat "$log"
        echo "FAILED  $(basename "$program"): $good passed, $bad failed"
    else
        [ -z "${V:-}" ] || cat "$log"
        echo "ok      $(basename "$program"): $good passed"
    fi
done
echo "unit: $passed passed, $failed failed"
[ $failed = 0 ]
