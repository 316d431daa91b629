#!/bin/sh
# Installs into a scratch tree, moves it, and builds and runs consumers of it with pkg-config and CMake, shared and
# static, and beside another Rust archive: run.sh VERSION NATIVE_LIBRARIES. See `make test-install`.
set -eu
version=$1 natives=$2
cd "$(dirname "$0")/../../.."
here=bindings/c/test
out=$PWD/build/test/install
rm -rf "$out"
mkdir -p "$out"
expected=4463699290244539355
warnings="-Wall -Wextra -Wpedantic -Werror"
fail() { echo "test-install: $*" >&2; exit 1; }
for name in $(env | sed -n 's/^\(DD_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done

# run NAME PROGRAM: it works, and prints the hash.
run() {
  [ "$(LD_LIBRARY_PATH="${libraries-}" "$2")" = $expected ] || fail "$1 does not work"
  echo "test-install: $1 ok"
}

for libdir in lib lib/x86_64-linux-gnu; do
  tree=$out/$(echo $libdir | tr / -)
  DESTDIR=$out/stage PREFIX=/usr LIBDIR=$libdir VERSION=$version PRIVATE=$natives bindings/c/install.sh build/lib
  mv "$out/stage/usr" "$tree"
  [ -z "$(find "$out/stage" -type f)" ] || fail "files outside of the prefix"
  if grep -rIl "$out/stage" "$tree"; then fail "a file names the place where it was installed"; fi
  lib=$tree/$libdir
  for file in libdatastreams.so libdatastreams.so.1 libdatastreams.so.1."$version" libdatastreams.a \
    pkgconfig/datastreams.pc cmake/datastreams/datastreamsConfig.cmake; do
    [ -f "$lib/$file" ] || fail "$libdir/$file is missing"
  done

  config() { PKG_CONFIG_PATH=$lib/pkgconfig pkg-config "$@" datastreams; }
  [ "$(config --modversion)" = "$version" ] || fail "pkg-config says another version"
  # shellcheck disable=SC2046,SC2086
  cc -std=c99 $warnings $here/consumer.c -o "$tree/pc-shared" $(config --cflags --libs)
  libraries=$lib
  run "$libdir: pkg-config, shared" "$tree/pc-shared"
  readelf -d "$tree/pc-shared" | grep -q 'NEEDED.*\[libdatastreams.so.1\]' || fail "it is not the SONAME that is needed"
  # Static: the archive instead of the library, since both lie in one directory.
  # shellcheck disable=SC2046,SC2086
  cc -std=c99 $warnings $here/consumer.c -o "$tree/pc-static" $(config --cflags) \
    -Wl,-Bstatic $(config --libs --static | sed 's/-ldatastreams/-ldatastreams -Wl,-Bdynamic/')
  libraries=
  run "$libdir: pkg-config, static" "$tree/pc-static"
  # shellcheck disable=SC2046,SC2086
  c++ -std=c++17 $warnings tests/abi/wrapper.cpp -o "$tree/pc-wrapper" $(config --cflags --libs)
  LD_LIBRARY_PATH=$lib "$tree/pc-wrapper" || fail "the C++ wrapper does not work"
  echo "test-install: $libdir: datastreams.hpp ok"

  source=$tree/source
  mkdir -p "$source"
  sed "s/@VERSION@/$version/" $here/CMakeLists.txt >"$source/CMakeLists.txt"
  cp $here/consumer.c tests/abi/wrapper.cpp "$source"
  cmake -S "$source" -B "$source/build" -DCMAKE_PREFIX_PATH="$tree" -DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu \
    -DCMAKE_C_FLAGS="$warnings" >"$source/log" 2>&1 || { cat "$source/log" >&2; fail "CMake does not find it"; }
  cmake --build "$source/build" >>"$source/log" 2>&1 || { cat "$source/log" >&2; fail "CMake does not build"; }
  run "$libdir: CMake, shared" "$source/build/shared"
  run "$libdir: CMake, static" "$source/build/static"
  "$source/build/wrapper" || fail "the C++ wrapper does not work with CMake"
  if ldd "$source/build/static" | grep -q libdatastreams; then fail "the static consumer needs the shared library"; fi
done

# From another place under LIBDIR, datastreams.pc would not find the headers.
for libdir in /usr/lib64 ./lib ../lib; do
  if DESTDIR=$out/stage PREFIX=/usr LIBDIR=$libdir VERSION=$version PRIVATE=$natives bindings/c/install.sh build/lib \
    2>/dev/null; then fail "installs with LIBDIR=$libdir"; fi
done
[ -z "$(find "$out/stage" -type f)" ] || fail "a refused installation left files"

# A version that is too new is not found.
sed -i 's/find_package(datastreams .* REQUIRED)/find_package(datastreams 99 REQUIRED)/' "$source/CMakeLists.txt"
if cmake -S "$source" -B "$source/newer" -DCMAKE_PREFIX_PATH="$tree" >"$source/log" 2>&1; then fail "CMake takes version 99"; fi

# Beside another Rust archive: with and without link-time optimisation, in either order.
archive=$out/lib/lib/libdatastreams.a
for lto in off thin fat; do
  rustc --edition 2024 --crate-type staticlib --crate-name other -C opt-level=2 -C codegen-units=1 -C lto=$lto \
    $here/other.rs -o "$out/libother-$lto.a"
  for order in "$archive $out/libother-$lto.a" "$out/libother-$lto.a $archive"; do
    # shellcheck disable=SC2086
    cc -std=c99 $warnings -DWITH_OTHER -Iinclude $here/consumer.c -o "$out/both" $order $natives ||
      fail "does not link beside a Rust archive with LTO $lto"
    run "beside a Rust archive with LTO $lto" "$out/both"
  done
done
