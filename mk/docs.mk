# The documentation: every command and snippet of it runs, and its statements are compared with the repository.
#
# Variables: DOCS_FLAGS (--draft: places still to be filled in are no failure), CARGO.

DOCS_FLAGS ?=
CARGO ?= cargo

.PHONY: test-docs

test-docs: lib archive go-lib command ## Run every command and snippet of the documentation, and compare its statements with the code
	@tools/setup c kafka kcat cmake python docs
	tests/docs/run $(DOCS_FLAGS)
