# The C library: header, shared and static library, installation, and the tests of all of that.
#
# Variables: PREFIX (/usr/local), LIBDIR (lib), DESTDIR (empty), CARGO, CC, CXX, NIGHTLY (the toolchain with sanitizers).

PREFIX ?= /usr/local
LIBDIR ?= lib
DESTDIR ?=
CARGO ?= cargo
NIGHTLY ?= nightly

DS_VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
DS_ABI := $(shell sed -n 's/^\#define DS_ABI_VERSION \([0-9]*\).*/\1/p' include/datastreams.h)
# What the static library needs of the system; tests/abi/natives.sh compares it with what rustc says.
DS_PRIVATE := -lgcc_s -lutil -lrt -lpthread -lm -ldl -lc

.PHONY: header header-check lib archive lib-fault install test-abi test-c test-valgrind test-asan test-install

header: ## Write include/datastreams.h from ffi/src
	$(CARGO) run --quiet -p datastreams-header

header-check: ## Fail when include/datastreams.h is stale or an item has no comment
	$(CARGO) run --quiet -p datastreams-header -- --check
	$(CARGO) test --quiet -p datastreams-header

# Cargo knows whether something is to be done, so it is always asked; the copies change only when the library did.
lib: ## Build the shared library: build/lib/libdatastreams.so
	@command -v $(CARGO) >/dev/null || { echo 'lib: cargo is missing. Install Rust (https://rustup.rs)' >&2; exit 1; }
	$(CARGO) build --release -p datastreams-ffi
	@ffi/stage.sh target/release build/lib $(DS_ABI)

archive: lib ## Build the static library: build/lib/libdatastreams.a, which links beside other Rust archives
	ffi/archive.sh include/datastreams.h target/release/libdatastreams.a build/lib/libdatastreams.a

# Without TLS, which takes most of the time and has no part in it; in a directory of its own, since cargo would keep only
# one of two libraries of one name.
lib-fault: ## Build the library that panics on request, for the tests of the panic boundary: build/fault
	$(CARGO) rustc --release -p datastreams-ffi --no-default-features --features fault --target-dir target/plain --crate-type cdylib
	@ffi/stage.sh target/plain/release build/fault $(DS_ABI)

# What was built is installed as it is where there is no cargo: root, under sudo, has none of its own and needs none.
INSTALL_BUILDS := $(shell [ -e build/lib/libdatastreams.a ] && ! PATH='$(PATH)' command -v $(CARGO) >/dev/null || \
  echo lib archive)

install: $(INSTALL_BUILDS) ## Install under DESTDIR, PREFIX and LIBDIR: library, header, pkg-config, CMake
	PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' DESTDIR='$(DESTDIR)' VERSION='$(DS_VERSION)' PRIVATE='$(DS_PRIVATE)' \
	  bindings/c/install.sh build/lib

test-abi: header-check lib archive ## Layout, symbols, SONAME, compilers and standards, hostile arguments, size
	$(CARGO) test --quiet -p datastreams-ffi
	tests/abi/run.sh build/lib '$(DS_PRIVATE)'

test-c: lib lib-fault ## C programs against the library: vectors, panics, SIGPIPE, forks, delivery by the host
	tests/c/run.sh build/lib build/fault

test-valgrind: lib ## The same C programs under valgrind
	@ffi/stage.sh target/release build/symbols $(DS_ABI) symbols
	TOOL=valgrind tests/c/run.sh build/symbols

test-asan: lib ## The same C programs with AddressSanitizer and UBSan, then with a library that has it too
	TOOL=asan tests/c/run.sh build/lib
	NIGHTLY=$(NIGHTLY) tests/c/asan.sh

test-install: lib archive ## Consumers of an installed and then moved tree, by pkg-config and CMake; other Rust archives
	bindings/c/test/run.sh '$(DS_VERSION)' '$(DS_PRIVATE)'
