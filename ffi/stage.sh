#!/bin/sh
# Copies the shared library out of cargo's directory under the name that programs load: stage.sh FROM TO ABI [symbols]
# Stripped, unless its symbols are asked for.
set -eu
from=$1 to=$2 abi=$3
mkdir -p "$to"
if [ "${4-}" = symbols ]; then
  cp "$from/libdatastreams.so" "$to/.new"
else
  strip --strip-unneeded -o "$to/.new" "$from/libdatastreams.so"
fi
if cmp -s "$to/.new" "$to/libdatastreams.so"; then rm "$to/.new"; else mv "$to/.new" "$to/libdatastreams.so"; fi
ln -sf libdatastreams.so "$to/libdatastreams.so.$abi"
