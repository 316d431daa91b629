# The Python binding: wheel, source distribution, tests, checks of the types, costs.
#
# Variables: PYTHON_GLIBC (the oldest glibc that the wheel runs on), PYTHON_CC (zig cc for that glibc; with another
# compiler the wheel is for its glibc), PYTHON_TESTS (what pytest runs).

PYTHON := bindings/python
PYTHON_GLIBC ?= 2.17
PYTHON_MACHINE := $(shell uname -m)
PYTHON_TESTS ?= $(PYTHON)/tests
PYTHON_BUILD = $$(tools/venv $(PYTHON)/requirements-build.txt)
# zig knows no directory of the system by itself; Debian's Python.h includes a file of /usr/include.
PYTHON_CC ?= $(PYTHON_BUILD) -m ziglang cc -target $(PYTHON_MACHINE)-linux-gnu.$(PYTHON_GLIBC) -idirafter /usr/include
# zig's own unwinder lacks what Rust's panics ask of it: the library that is everywhere, by its path.
PYTHON_UNWINDER ?= $(shell $(CC) -print-file-name=libgcc_s.so.1)
PYTHON_WHEEL = $$(ls $(CURDIR)/dist/libdatastreams-*.whl)

.PHONY: python python-wheel python-sdist test-python test-python-sdist lint-python bench-python

# What a wheel is made of; one that was made of the same stays.
PYTHON_INPUTS = $$(cat build/lib/libdatastreams.a include/datastreams.h mk/python.mk \
  $$(find $(PYTHON) -maxdepth 1 -type f | sort) $$(find $(PYTHON)/src -type f -not -path '*/__pycache__/*' -not -path '*.egg-info/*' | sort) | sha256sum)

python: archive ## Build the wheel of the Python binding: dist
	@tools/setup python python-ext
	@mkdir -p build/wheel dist
	@if [ "$(PYTHON_INPUTS)" != "$$(cat build/wheel/inputs 2>/dev/null)" ] || ! ls dist/libdatastreams-*.whl >/dev/null 2>&1; then \
	  $(MAKE) --no-print-directory python-wheel && echo "$(PYTHON_INPUTS)" >build/wheel/inputs; fi
	@ls dist/libdatastreams-*.whl

python-wheel:
	@rm -rf $(PYTHON)/build build/wheel && mkdir -p build/wheel && rm -f dist/libdatastreams-*.whl
	python=$(PYTHON_BUILD) && cc="$(PYTHON_CC)" && \
	  CC="$$cc" LDSHARED="$$cc -shared" CFLAGS=-Werror LDFLAGS=$(PYTHON_UNWINDER) DATASTREAMS_ARCHIVE=$(CURDIR)/build/lib/libdatastreams.a \
	  $$python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w build/wheel $(PYTHON) && \
	  PATH=$$(dirname $$python):$$PATH $$python -m auditwheel repair -w dist build/wheel/libdatastreams-*.whl 2>build/wheel/log \
	  || { cat build/wheel/log >&2; exit 1; }

python-sdist: ## Build the source distribution of the Python binding, with the Rust sources in it: dist
	@tools/setup rust python
	@rm -f dist/libdatastreams-*.tar.gz
	$(PYTHON_BUILD) -m build --sdist --no-isolation --outdir dist $(PYTHON) >/dev/null
	@ls dist/libdatastreams-*.tar.gz

test-python: python ## The Python binding: install the wheel, run its tests
	python=$$(tools/venv $(PYTHON)/tests/requirements.txt) && \
	  $$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PYTHON_WHEEL) && \
	  PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 DATASTREAMS_WHEEL=$(PYTHON_WHEEL) $$python -m pytest -q -rs -p no:cacheprovider \
	    --ignore=$(PYTHON)/tests/integrations $(PYTHON_TESTS)

test-python-sdist: python-sdist ## Install the source distribution where nothing of this repository is, and use it
	CARGO_TARGET_DIR=$(CURDIR)/target/sdist $(PYTHON)/tests/sdist.sh dist/libdatastreams-*.tar.gz

lint-python: ## The Python binding: format, ruff, mypy --strict, pyright, the stubs against what they describe
	$$(tools/venv tools/requirements.txt) -m ruff check --quiet --no-cache $(PYTHON)
	$$(tools/venv tools/requirements.txt) -m ruff format --quiet --no-cache --check $(PYTHON)
	$(PYTHON)/tests/types.sh $$(tools/venv $(PYTHON)/tests/requirements-lint.txt)

bench-python: python ## What Python's calls cost, beside ddtrace in the same run
	python=$$(tools/venv $(PYTHON)/tests/requirements.txt) && \
	  $$python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(PYTHON_WHEEL) && \
	  $$python $(PYTHON)/tests/bench.py
