#!/bin/sh
# Makes a static archive that exports nothing but the header's functions:
#   archive.sh include/datastreams.h target/release/libdatastreams.a build/lib/libdatastreams.a
#
# A Rust archive carries its own standard library. Linked beside another Rust archive of another compiler, or with LTO,
# the two clash (rust_eh_personality and more). Prelinked into one object with all else made local, it fits anywhere,
# and what nobody reaches is gone. The bitcode sections go first: older binutils plugins choke on them.
set -eu
header=$1 input=$2 output=$3
: "${LD:=ld}" "${OBJCOPY:=objcopy}" "${AR:=ar}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

keep=$(sed -n 's/^[A-Za-z].*[ *]\(ds_[a-z0-9_]*\)(.*/\1/p' "$header" | grep -v '^ds_log_fn$' | sort -u)
roots=$(for name in $keep; do printf ' -u %s' "$name"; done)
# shellcheck disable=SC2086 # a list of options
"$LD" -r --gc-sections $roots -o "$work/all.o" "$input"
# The pointer to the unwinder's personality lies in a group that linkers keep once per name; under its usual name another
# archive's copy would be thrown away for ours, which is local.
"$OBJCOPY" --redefine-sym DW.ref.rust_eh_personality=DW.ref.datastreams_eh_personality "$work/all.o"
"$OBJCOPY" --wildcard --keep-global-symbol='ds_*' --strip-unneeded \
  --remove-section .llvmbc --remove-section .llvmcmd --remove-section '.rela.llvm*' "$work/all.o" "$work/datastreams.o"
"$AR" rcsD "$work/archive" "$work/datastreams.o"
# An archive that is the same stays as it is: what was linked with it need not be linked again, and somebody may be reading it.
if ! cmp -s "$work/archive" "$output"; then
  mv "$work/archive" "$output.new" && mv "$output.new" "$output"
fi
