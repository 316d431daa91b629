# The collector: what it costs.

CARGO ?= cargo

.PHONY: bench-collector

bench-collector: ## What a payload costs the collector on one core, against a floor in the same run; its memory
	$(CARGO) bench --quiet -p datastreams-collector --bench collect
