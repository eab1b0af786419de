#!/usr/bin/env bash
# Checks that a shared object exports exactly what it should, and that it needs nothing but the
# C and C++ runtimes: a name too many is an ABI that nobody promised, and a library too many is
# a program that does not start.
#
#   check_shared_object.sh OBJECT (HEADER.h | NAME)...
set -euo pipefail
export LC_ALL=C

object=$1
shift

# The functions that a header declares: what is called outside comments, sizeof apart.
declared() {
  sed -E ':a;N;$!ba;s:/\*([^*]|\*+[^*/])*\*+/::g' "$1" |
    grep -oE '\b\w+\(' | tr -d '(' | grep -vx sizeof
}

expected=$(for name; do
  if [[ $name == *.h ]]; then declared "$name"; else echo "$name"; fi
done | sort -u)
exported=$(nm --dynamic --extern-only --defined-only --format=posix "$object" | cut -d' ' -f1 | sort -u)
needed=$(readelf --dynamic --wide "$object" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')

failed=0
difference=$(diff <(echo "$expected") <(echo "$exported")) || {
  echo "$object does not export what it should (<: missing, >: too many):" "$difference" >&2
  failed=1
}
surplus=$(grep -vE '^(lib(c|m|dl|pthread|stdc\+\+|gcc_s)|ld-linux-.*)\.so\.[0-9]+$' <<<"$needed") && {
  echo "$object needs more than the C and C++ runtimes:" "$surplus" >&2
  failed=1
}
exit "$failed"
