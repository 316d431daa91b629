# What the library costs: printed by `make bench`, and what can be asserted on noisy machines by `make test-costs`.

# Instructions for one message through the C interface, by callgrind: 885 when this was written.
INSTRUCTIONS_MAX := 1000

BENCH_LINK = -Lbuild/lib -ldatastreams -lm -lpthread -Wl,-rpath,'$(CURDIR)/build/lib'
BENCH_CC = $(CC) -O2 -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude

.PHONY: bench test-costs

build/bench: tests/bench/bench.c include/datastreams.h lib
	$(BENCH_CC) $< -o $@ $(BENCH_LINK)

build/allocations: tests/bench/allocations.c include/datastreams.h lib
	$(BENCH_CC) $< -o $@ $(BENCH_LINK)

test-costs: build/bench build/allocations ## No allocation for a message, and the count of its instructions
	build/allocations
	tools/instructions build/bench $(INSTRUCTIONS_MAX)

bench: setup build/bench ## Print what things cost, as ratios to a floor or a peer in the same run
	@echo '# C, through include/datastreams.h'
	@build/bench
	@tools/instructions build/bench
	@cp build/lib/libdatastreams.so build/stripped.so && strip build/stripped.so
	@stat -Lc %s build/stripped.so | awk '{ printf "shared library, stripped %31.2f MiB\n", $$1 / 1048576 }'
	@rm build/stripped.so
	@echo '# The sketch, against libdd-ddsketch'
	@cargo bench --quiet -p datastreams-core --bench sketch
	@echo '# Rust, through datastreams-core'
	@cargo bench --quiet -p datastreams-core --bench message
	@echo '# Go, beside dd-trace-go and data-streams-go'
	@$(MAKE) --no-print-directory -s bench-go
	@echo '# Python, beside ddtrace'
	@$(MAKE) --no-print-directory -s bench-python
	@echo '# The librdkafka plugin, beside the same client without it'
	@$(MAKE) --no-print-directory -s bench-plugin
	@echo '# What a payload costs the collector'
	@$(MAKE) --no-print-directory -s bench-collector
