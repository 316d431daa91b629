#!/bin/sh
# Fails when a compiler cache that the caller has (RUSTC_WRAPPER) keeps make from calling the compiler by tools/rustc, or is
# not called by that.
set -eu
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL DISPLACED_WRAPPER
for name in RUSTC_WRAPPER CARGO_BUILD_RUSTC_WRAPPER; do
  # shellcheck disable=SC2016 # for make, and its shell
  said=$(env "$name=echo" make -s --eval 'said: ; @echo "$${RUSTC_WRAPPER-}$${CARGO_BUILD_RUSTC_WRAPPER-}" && \
    tools/rustc rustc -C opt-level=3' said | tr '\n' ' ')
  case $said in
    " rustc -C opt-level=3 --remap-path-prefix="*) ;;
    *) echo "wrapper: with $name the compiler is called as: $said" >&2; exit 1 ;;
  esac
done
echo "wrapper: a compiler cache is called by tools/rustc"
