#!/bin/sh
# Builds the library itself with AddressSanitizer, which needs a nightly compiler, and runs the C programs against it.
set -eu
cd "$(dirname "$0")/../.."
: "${NIGHTLY:=nightly}"
if ! rustc "+$NIGHTLY" --version >/dev/null 2>&1; then
  echo "test-asan: no toolchain $NIGHTLY; install one with: rustup toolchain install nightly --profile minimal" >&2
  exit 1
fi
target=$(rustc "+$NIGHTLY" -vV | sed -n 's/^host: //p')
runtime=$(rustc "+$NIGHTLY" --print sysroot)/lib/rustlib/$target/lib/librustc-nightly_rt.asan.a
[ -f "$runtime" ] || { echo "test-asan: $runtime is missing" >&2; exit 1; }
# Optimised a little, since the programs run against the clock; without TLS, which no test here uses.
RUSTFLAGS="-Zsanitizer=address -Copt-level=1" cargo "+$NIGHTLY" build --quiet -p datastreams-ffi --no-default-features \
  --target "$target" --target-dir target/asan
abi=$(sed -n 's/^#define DS_ABI_VERSION \([0-9]*\).*/\1/p' include/datastreams.h)
ffi/stage.sh "target/asan/$target/debug" build/asan "$abi" symbols
# That it is instrumented: otherwise nothing is tested.
nm -D --undefined-only build/asan/libdatastreams.so | grep -q __asan_init || { echo "test-asan: not instrumented" >&2; exit 1; }
if nm -D build/lib/libdatastreams.so | grep -q __asan; then echo "test-asan: the release is instrumented" >&2; exit 1; fi
TOOL=rust-asan RUNTIME=$runtime tests/c/run.sh build/asan
