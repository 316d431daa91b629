# The collector's page. Node.js 18 or later builds it (Debian: nodejs, npm); Chromium tests it.

NPM ?= npm
PAGE := collector/page
PAGE_BUILT := $(PAGE)/dist/www/index.html
# What npm writes last: the packages are as package-lock.json has them.
PAGE_PACKAGES := $(PAGE)/node_modules/.package-lock.json
PAGE_SOURCES := $(shell find $(PAGE)/src $(PAGE)/public -type f 2>/dev/null) $(PAGE)/index.html $(PAGE)/vite.config.ts $(PAGE)/tsconfig.json

.PHONY: page page-setup test-page screenshot

# The binary is built with the page in it.
all command: page

page: $(PAGE_BUILT) ## Build the collector's page: collector/page/dist, which cargo puts into the binary

page-setup:
	@$(SETUP) node

$(PAGE_PACKAGES): $(PAGE)/package-lock.json | page-setup
	cd $(PAGE) && $(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(PAGE_BUILT): $(PAGE_PACKAGES) $(PAGE_SOURCES)
	cd $(PAGE) && $(NPM) run --silent build

# The page's own binary with the page in it, for tests.
PAGE_COLLECTOR = $(COMMAND)

test-page: page lib command ## The page: layout, formats, state; a real collector in a real browser; size, accessibility
	@$(SETUP) browser python
	cd $(PAGE) && npm run --silent check && npx vitest run
	cd $(PAGE) && PAGE_COLLECTOR=$(CURDIR)/$(PAGE_COLLECTOR) PAGE_LIBRARY=$(CURDIR)/build/lib/libdatastreams.so \
	  npx vitest run --config test/browser/vitest.config.ts

# With all languages the map would be too wide to be read in the README.
screenshot: page examples command ## Take docs/page.png, the picture in the README, of the demonstration's services in C
	@$(SETUP) browser
	@rm -rf build/screenshot && mkdir -p build/screenshot && ln -s $(EXAMPLES_ALL:%=$(CURDIR)/$(EXAMPLES_DIR)/%) build/screenshot
	cd $(PAGE) && node test/screenshot.mjs $(CURDIR)/$(COMMAND) $(CURDIR)/build/screenshot $(CURDIR)/docs/page.png
