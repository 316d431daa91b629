#!/bin/sh
# What the header and the built libraries promise: run.sh BUILD_DIR NATIVE_LIBRARIES. See `make test-abi`.
set -eu
build=$1 natives=$2
cd "$(dirname "$0")/../.."
here=tests/abi
out=build/test/abi
mkdir -p "$out"
fail() { echo "test-abi: $*" >&2; exit 1; }

# Every standard, two compilers, all warnings.
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wconversion -Werror"
runs=0
for compiler in "${CC:-gcc}" clang; do
  command -v "$compiler" >/dev/null || { [ "$compiler" = clang ] || fail "no $compiler"; echo "test-abi: no clang, skipped"; continue; }
  for standard in c99 c11 c17 c2x; do
    # shellcheck disable=SC2086
    "$compiler" -std=$standard $warnings -Iinclude -c $here/layout.c -o "$out/layout.o" || fail "$compiler -std=$standard"
    runs=$((runs + 1))
  done
done
warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
for compiler in "${CXX:-g++}" clang++; do
  command -v "$compiler" >/dev/null || continue
  for standard in c++11 c++14 c++17 c++20 c++2b; do
    # shellcheck disable=SC2086
    "$compiler" -x c++ -std=$standard $warnings -Iinclude -c $here/layout.c -o "$out/layout.o" || fail "$compiler -std=$standard"
    runs=$((runs + 1))
  done
  for standard in c++17 c++20 c++2b; do
    # shellcheck disable=SC2086
    "$compiler" -x c++ -std=$standard $warnings -Iinclude -Ibindings/c/include -c $here/wrapper.cpp -o "$out/wrapper.o" ||
      fail "$compiler -std=$standard, datastreams.hpp"
    runs=$((runs + 1))
  done
done
echo "test-abi: the headers compile clean $runs times"

# A dropped status is a warning, where the header says so.
printf '#include "datastreams.h"\nvoid f(ds_edge *e) { ds_edge_intern(NULL, NULL, 0, DS_STR(""), e); }\n' >"$out/dropped.c"
if "${CC:-gcc}" -std=c11 -Werror -Iinclude -c "$out/dropped.c" -o "$out/dropped.o" 2>/dev/null; then
  fail "DS_CHECK does not warn"
fi

# The exported symbols are the header's functions, in the shared library and in the archive.
sed -n 's/^[A-Za-z].*[ *]\(ds_[a-z0-9_]*\)(.*/\1/p' include/datastreams.h | sort >"$out/header.txt"
[ "$(wc -l <"$out/header.txt")" -ge 20 ] || fail "the header's functions were not found"
nm -D --defined-only "$build/libdatastreams.so" | sed 's/.* [A-Za-z] //; s/@.*//' | sort >"$out/shared.txt"
diff -u "$out/header.txt" "$out/shared.txt" || fail "the shared library exports something else"
nm --defined-only --extern-only "$build/libdatastreams.a" | sed -n 's/.* [A-Za-z] //p' | sort >"$out/static.txt"
diff -u "$out/header.txt" "$out/static.txt" || fail "the archive exports something else"
echo "test-abi: $(wc -l <"$out/header.txt") functions, and nothing else, in both libraries"

$here/paths.sh "$build/libdatastreams.so" "$build/libdatastreams.a"
$here/wrapper.sh

# SONAME, and that dlclose cannot unmap the reporter's code; no executable stack, nothing writable and executable.
abi=$(sed -n 's/^#define DS_ABI_VERSION \([0-9]*\).*/\1/p' include/datastreams.h)
readelf -dW "$build/libdatastreams.so" >"$out/dynamic.txt"
grep -q "SONAME.*\[libdatastreams.so.$abi\]" "$out/dynamic.txt" || fail "the SONAME is not libdatastreams.so.$abi"
grep -q "FLAGS_1.*NODELETE" "$out/dynamic.txt" || fail "the library can be unmapped"
readelf -lW "$build/libdatastreams.so" | grep GNU_STACK | grep -qv RWE || fail "the stack is executable"
if grep -q TEXTREL "$out/dynamic.txt"; then fail "text relocations"; fi

size=$(stat -c %s "$build/libdatastreams.so")
[ "$size" -le $((4 << 20)) ] || fail "the shared library has $size bytes, more than 4 MiB"
echo "test-abi: SONAME libdatastreams.so.$abi, $size bytes shared, $(stat -c %s "$build/libdatastreams.a") bytes static"

# The system libraries that a static link needs are those that we say.
said=$(cargo rustc --quiet -p datastreams-ffi --lib -- --print native-static-libs 2>&1 |
  sed -n 's/^note: native-static-libs: //p')
[ -n "$said" ] || fail "rustc did not say its native-static-libs"
for library in $said; do
  case " $natives " in *" $library "*) ;; *) fail "rustc wants $library, which DS_PRIVATE has not: $natives" ;; esac
done

# Every parameter of every function, with NULL and nonsense.
python3 $here/hostile.py include/datastreams.h "$out/hostile.c"
"${CC:-gcc}" -std=gnu11 -Wall -Wextra -Werror -g -Iinclude -Itests/c "$out/hostile.c" -o "$out/hostile" \
  -L"$build" -ldatastreams -Wl,-rpath,"$PWD/$build" -lpthread
"$out/hostile"
