#!/bin/sh
# The demonstration and the header for librdkafka: run.sh DATASTREAMS EXAMPLES (the command, and the built examples).
# Reads CC, CXX and PKG_CONFIG from the environment. Takes about a minute.
set -eu
command=$1 examples=$2
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
: "${CC:=cc}" "${CXX:=c++}" "${PKG_CONFIG:=pkg-config}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'

include="-I$root/include -I$root/bindings/c/include $($PKG_CONFIG --cflags rdkafka)"

# The header alone, in every language that it promises.
echo '#include <datastreams_rdkafka.h>' >"$work/alone.c"
for standard in c99 c11 c2x c++11 c++20; do
  case $standard in
  c++*) compiler="$CXX -x c++" ;;
  *) compiler=$CC ;;
  esac
  # shellcheck disable=SC2086 # flags are words
  $compiler -std=$standard $warnings $include -fsyntax-only "$work/alone.c"
done

# Messages over a mock cluster. librdkafka's RD_KAFKA_V_* are statement expressions, which clang reports.
# shellcheck disable=SC2046,SC2086
$CC -std=c99 -g $warnings -Wno-gnu-statement-expression $include -I"$root/tests/c" "$here/rdkafka.c" \
  -L"$root/build/lib" -ldatastreams -Wl,-rpath,"$root/build/lib" $($PKG_CONFIG --libs rdkafka) -o "$work/rdkafka"
"$work/rdkafka"

python3 "$here/demo.py" "$command" "$examples"
