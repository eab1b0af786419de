#!/bin/sh
# Runs a test without address randomization: g++ 12's and clang 14's TSan cannot lay out its
# shadow memory where the kernel randomizes more than 28 bits (Ubuntu 24.04 does). Where the
# sandbox forbids switching it off, the test runs as it is.
if setarch --addr-no-randomize true 2>/dev/null; then
  exec setarch --addr-no-randomize "$@"
fi
exec "$@"
