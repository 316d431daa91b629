# `datastreams top` on a terminal.

.PHONY: test-top

test-top: command ## `datastreams top` on a pseudo terminal: what is shown, keys, and the terminal given back at every end
	@tools/setup python
	$$(tools/venv tests/e2e/top/requirements.txt) tests/e2e/top/top.py $(COMMAND)
