#!/bin/sh
# Installs the built library: install.sh BUILD_DIR (with libdatastreams.so and .a). Reads DESTDIR, PREFIX, LIBDIR
# (relative to PREFIX, such as lib64 or lib/x86_64-linux-gnu), VERSION and PRIVATE from the environment.
set -eu
build=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
: "${DESTDIR=}" "${PREFIX=/usr/local}" "${LIBDIR=lib}" "${VERSION:?}" "${PRIVATE:?}"
# datastreams.pc finds the prefix by the number of LIBDIR's parts, so each of them has to be a directory below it.
case /$LIBDIR/ in
  //* | */./* | */../*)
    echo "install: LIBDIR is '$LIBDIR', but has to be relative to PREFIX, without . and .., such as lib64" >&2
    exit 1
    ;;
esac
abi=$(sed -n 's/^#define DS_ABI_VERSION \([0-9]*\).*/\1/p' "$root/include/datastreams.h")
include=$DESTDIR$PREFIX/include
lib=$DESTDIR$PREFIX/$LIBDIR
file=libdatastreams.so.$abi.$VERSION

install -d "$include" "$lib/pkgconfig" "$lib/cmake/datastreams"
install -m 644 "$root/include/datastreams.h" "$root"/bindings/c/include/datastreams*.h* "$include"
install -m 755 "$build/libdatastreams.so" "$lib/$file"
ln -sf "$file" "$lib/libdatastreams.so.$abi"
ln -sf "libdatastreams.so.$abi" "$lib/libdatastreams.so"
install -m 644 "$build/libdatastreams.a" "$lib/libdatastreams.a"

# From the library directory up to the prefix: one level for each part of LIBDIR.
up=$(printf '%s' "$LIBDIR" | sed 's|[^/][^/]*|..|g')
fill() {
  sed -e "s|@VERSION@|$VERSION|g" -e "s|@ABI@|$abi|g" -e "s|@PRIVATE@|$PRIVATE|g" -e "s|@UP@|$3|g" "$1" >"$2"
  chmod 644 "$2"
}
fill "$root/bindings/c/datastreams.pc.in" "$lib/pkgconfig/datastreams.pc" "../$up"
cmake=$root/bindings/c/cmake
fill "$cmake/datastreamsConfig.cmake.in" "$lib/cmake/datastreams/datastreamsConfig.cmake" "$up"
fill "$cmake/datastreamsConfigVersion.cmake.in" "$lib/cmake/datastreams/datastreamsConfigVersion.cmake" "$up"
