# The Python binding: wheel, source distribution and their tests.
#
# Variables: PYTHON_TESTS (what pytest runs; all).

PYTHON := bindings/python
PYTHON_TESTS ?= $(PYTHON)/tests

.PHONY: python

python: archive ## Build the wheel of the Python binding: dist
	@tools/setup python c
	rm -rf $(PYTHON)/build dist/libdatastreams-*.whl
	CFLAGS=-Werror DATASTREAMS_ARCHIVE=$(CURDIR)/build/lib/libdatastreams.a \
	  $$(tools/venv $(PYTHON)/requirements-build.txt) -m pip wheel --quiet --no-deps --no-build-isolation -w dist $(PYTHON)
	@ls dist/libdatastreams-*.whl
