# `make demo` shows the app at work, `make test` tests it. Neither needs anything done before.

PORT ?= 8000
PYTHON ?= python3
# BROWSER=no leaves out the tests that drive a browser, and what only they need.
BROWSER ?= yes
VENV ?= .venv
DAYS ?= 365
RUN := $(VENV)/bin/python
SOURCES := consent demo_site tests
ESLINT := .ci/node_modules/.bin/eslint

.PHONY: help demo test test-full bench docs recipes assets lint lint-python lint-format lint-types \
	lint-imports lint-templates lint-javascript lint-structure driver chromium clean

help:
	@echo "make demo    install, migrate, seed and serve the demo site on http://127.0.0.1:$(PORT)/"
	@echo "make test    install what the tests need and run them; BROWSER=no leaves out the browser tests"
	@echo "make test-full  the same, and the exhaustive tests, which take longer"
	@echo "make bench   measure what the app costs a page, decisions under load, and events; write docs/benchmarks.md"
	@echo "make docs    build the documentation site into build/docs/, and check its links"
	@echo "make lint    check style, types, imports, templates and JavaScript"
	@echo "make recipes list the vendors whose facts are older than a year; DAYS=90 for another age"
	@echo "make assets  build what browsers load after a change of consent/browser/"
	@echo "make clean   remove what these commands made"
	@echo "PORT=8001 serves the demo elsewhere; PYTHON=python3.12 takes another Python."

demo: $(VENV)/demo.stamp
	@$(RUN) manage.py migrate --verbosity 0
	@$(RUN) manage.py demo_seed
	@echo
	@echo "  The site      http://127.0.0.1:$(PORT)/"
	@echo "  Its policy    http://127.0.0.1:$(PORT)/policy/"
	@echo "  The admin     http://127.0.0.1:$(PORT)/admin/   (name: admin, password: admin)"
	@echo
	@$(RUN) manage.py demo_serve 127.0.0.1:$(PORT)

# What the browser tests need, and how pytest's markers leave them out.
browser-needs = $(if $(filter no,$(BROWSER)),,driver chromium)
run-tests = CHROMIUM="$$($(find-chromium))" $(RUN) -m pytest --numprocesses auto --dist loadfile \
	-m "$(1)$(if $(filter no,$(BROWSER)), and not browser)"

test: $(VENV)/test.stamp $(browser-needs)
	@$(call run-tests,not exhaustive)

test-full: $(VENV)/test.stamp $(browser-needs)
	@$(call run-tests,(exhaustive or not exhaustive))

bench: $(VENV)/bench.stamp
	@command -v wrk >/dev/null || ( $(call apt-install,wrk,Decisions under load are left out without \
		wrk. On Debian: apt-get install wrk) ) || true
	@$(RUN) -m tests.benchmarks

docs: $(VENV)/docs.stamp
	@NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet

recipes: $(VENV)/demo.stamp
	@$(RUN) manage.py consent_recipe check
	@$(RUN) manage.py consent_recipe old --days $(DAYS)

assets: .ci/node_modules/.stamp $(VENV)/demo.stamp
	@$(RUN) .ci/shared_constants.py
	@node .ci/assets.mjs

lint: lint-python lint-format lint-types lint-imports lint-templates lint-javascript lint-structure

lint-python: $(VENV)/lint.stamp
	$(RUN) -m ruff check $(SOURCES) manage.py

lint-format: $(VENV)/lint.stamp
	$(RUN) -m ruff format --check $(SOURCES) manage.py

lint-types: $(VENV)/lint.stamp
	$(RUN) -m mypy

lint-imports: $(VENV)/lint.stamp
	PYTHONPATH=. $(VENV)/bin/lint-imports

lint-templates: $(VENV)/lint.stamp
	$(RUN) -m djlint consent demo_site --lint --quiet

lint-structure: $(VENV)/lint.stamp
	$(RUN) -m tests.structure --check

lint-javascript: .ci/node_modules/.stamp
	$(ESLINT) --config .ci/eslint.config.mjs --max-warnings 0 --no-error-on-unmatched-pattern $(SOURCES)

clean:
	rm -rf $(VENV) .venvs .ci/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache \
		.import_linter_cache .coverage htmlcov build dist

# $(call apt-install,PACKAGE,WHAT TO SAY): a Debian package where that may be installed here, or
# what to do about it.
apt-install = { \
	[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "Installing $(1) with apt-get" \
	&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	apt-get install -qq -y --no-install-recommends $(1) >/dev/null; \
	} || { echo "$(2)" >&2; exit 1; }

# A stamp is older than its requirements only where pip has something to do.
$(VENV)/%.stamp: requirements/%.txt $(wildcard requirements/*.txt) pyproject.toml | $(RUN)
	@echo "Installing $< into $(VENV); the first time, this takes a minute."
	@$(RUN) -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(RUN):
	@command -v $(PYTHON) >/dev/null || { \
		echo "There is no $(PYTHON) here. Install Python 3.11 or newer (on Debian: apt-get" \
			"install python3 python3-venv), or name one: make PYTHON=/path/to/python" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Name a newer one: make PYTHON=/path/to/python" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		package=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		$(call apt-install,$$package,$(PYTHON) cannot create virtual environments. On Debian: \
			apt-get install $$package); }
	$(PYTHON) -m venv $(VENV)

# Prints the browser that the tests are to drive; nothing where there is none.
find-chromium = if [ -n "$$CHROMIUM" ]; then command -v "$$CHROMIUM"; else command -v chromium \
	|| command -v chromium-browser || command -v google-chrome || true; fi

# Playwright's driver is a Node.js that comes with it. It needs a library that only machines with a
# compiler have. Whether all of it starts, the tests check once before the first of them.
driver: $(VENV)/test.stamp
	@$(RUN) -m playwright --version >/dev/null 2>&1 || { $(call apt-install,libatomic1,Playwright's \
		driver does not start. On Debian: apt-get install libatomic1. Or leave out the browser \
		tests: make test BROWSER=no) ; }

chromium:
	@[ -z "$$CHROMIUM" ] || command -v "$$CHROMIUM" >/dev/null || { \
		echo "CHROMIUM names $$CHROMIUM, which cannot be run." >&2; exit 1; }
	@[ -n "$$($(find-chromium))" ] || $(call apt-install,chromium,The browser tests need Chromium. \
		On Debian: apt-get install chromium. Or name a browser: make test CHROMIUM=/path/to/chrome. \
		Or leave out the browser tests: make test BROWSER=no)

.ci/node_modules/.stamp: .ci/package.json
	@command -v npm >/dev/null || { \
		echo "npm is needed to check and build the JavaScript (on Debian: apt-get install npm)" >&2; \
		exit 1; }
	npm install --prefix .ci --no-package-lock --no-audit --no-fund --loglevel error
	@touch $@
