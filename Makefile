# Each target sets up what it needs: the first run installs into .venv and .cache, later runs reuse both.

MAKEFLAGS += --no-print-directory
# Without compiled modules, each of the hundreds of processes that the tests start compiles them again.
unexport PYTHONDONTWRITEBYTECODE
BEGUN := $(shell date +%s)
VENV := .venv
NODE := .cache/node
PINS := .ci/requirements.txt
CLIENTS := tests/clients/node
PEERS := .cache/bench-venv
PEER_PINS := .ci/bench-requirements.txt
ARCHIVES := .cache/archives-venv
ARCHIVE_PINS := bench/peers/archives-requirements.txt
GATEWAYS := .cache/gateways-venv
GATEWAY_PINS := bench/peers/gateways-requirements.txt
CONVERTERS := .cache/converters-venv
CONVERTER_PINS := tests/clients/converters/requirements.txt
FRAMEWORKS := .cache/frameworks-venv
FRAMEWORK_PINS := tests/tools/sessions/requirements.txt
BUILD_PINS := .ci/build-requirements.txt
DEMO_PINS := .ci/demo-requirements.txt
IMAGE_PINS := .ci/image-requirements.txt
NODE_PEERS := .cache/bench-node
NODE_PEER := bench/peers/node
HOSTS := .cache/hosts
HOST_PINS := bench/hosts/node
SOURCES := server tools tests manifests docs/examples $(wildcard bench)
BUNDLE := .cache/bundle
BUILD := .cache/build-venv
WHEEL := .cache/wheel
SHIPPED := pyproject.toml README.md $(shell find server tools -type f -not -name '*.pyc')
# Somebody who only wants to see the demonstration does not need what the tests need.
DEMO := $(if $(wildcard $(VENV)/.ready),$(VENV),.cache/demo-venv)
# Where `make install` installs, as in `make install PREFIX=/opt/backscroll`: bin/ must be on PATH.
PREFIX := $(HOME)/.local
INSTALLED := $(PREFIX)/lib/backscroll
COMMAND := $(PREFIX)/bin/backscroll
PYTHONS := python3.11 python3.12 python3.13 python3.14
BOUNDED := tools/backscroll_tools/pages/*,tools/backscroll_tools/render.py
# These prove every branch of it. Measuring the other tests as well would take them half as long again.
BRANCHES := tests/tools/pages tests/tools/test_render.py tests/tools/test_short_ids.py
MEASURED := --cov=backscroll_tools.pages --cov=backscroll_tools.render --cov-report=
IN_PARALLEL := --numprocesses auto --dist worksteal
# Commands that run side by side do not mix their output. The make of macOS has no such option.
UNMIXED := $(if $(filter output-sync,$(.FEATURES)),--output-sync=line)
PIP := -m pip --disable-pip-version-check
# To compile every module takes as long as to install it. Python compiles those that it imports.
LAZILY := --no-compile
# Node.js uses the operating system's root certificates, as pip does, because some networks have their own.
NPM := NODE_USE_SYSTEM_CA=1 $(CURDIR)/$(VENV)/bin/npm
NPM_FLAGS := --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
PIN := $(VENV)/bin/uv pip compile --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet

# Remove the remaining URLs, which ask for sponsors, from the lock file of Node.js packages.
STRIP_FUNDING := const fs = require("fs"), lock = process.argv[1]; fs.writeFileSync(lock, JSON.stringify( \
	JSON.parse(fs.readFileSync(lock), (key, value) => key === "funding" ? undefined : value), null, 2) + "\n")

.PHONY: help demo install uninstall test check check-types check-lint check-branches check-sessions bench evaluate hosts agents soak render picture bundle pythons pins clean

help: ## Show these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' Makefile

demo: $(DEMO)/.ready ## Load real conversations, serve them, and show what an agent sees
	@$(DEMO)/bin/backscroll demo
	@echo "$$(( $$(date +%s) - $(BEGUN) )) s since make started. To use it with your agent:" \
		"make install, then backscroll connect"

install: $(WHEEL)/.ready ## Install the command backscroll for you, in ~/.local
	@[ ! -e $(COMMAND) ] || [ "$$(readlink $(COMMAND))" = $(INSTALLED)/bin/backscroll ] || \
		{ echo "error: $(COMMAND) is there already, and make install did not write it." >&2; exit 1; }
	@mkdir -p $(PREFIX)/lib $(PREFIX)/bin
	@.ci/venv $(INSTALLED) $(DEMO_PINS)
	@$(INSTALLED)/bin/python $(PIP) --quiet install --no-index --no-deps $(WHEEL)/*.whl
	@$(INSTALLED)/bin/python $(PIP) check
	@ln -sfn $(INSTALLED)/bin/backscroll $(COMMAND)
	@echo "$(COMMAND) is installed. To connect a host: backscroll connect"
	@[ "$$(command -v backscroll)" = $(COMMAND) ] || \
		echo "Your shell does not find it yet. Run: export PATH=\"$(PREFIX)/bin:\$$PATH\""

uninstall: ## Remove what make install installed; conversations stay
	@[ "$$(readlink $(COMMAND))" != $(INSTALLED)/bin/backscroll ] || rm $(COMMAND)
	@rm -rf $(INSTALLED)
	@echo "The command is removed; conversations stay. A host that was connected still has its entry."

# What needs one core runs beside what waits for a registry: installing takes as long as the checks.
test: ## Run every check and test
	@$(MAKE) --jobs=3 $(UNMIXED) check-types check-branches check-lint check-sessions \
		$(NODE)/.ready $(PEERS)/.ready $(CONVERTERS)/.ready
	@echo '==> pytest: everything else'
	@$(VENV)/bin/python -m pytest $(IN_PARALLEL) $(addprefix --ignore=,$(BRANCHES))

check: ## Check lint, formatting, types and the import contracts
	@$(MAKE) --jobs=2 $(UNMIXED) check-types check-lint

check-lint: $(VENV)/.ready
	@echo '==> ruff check'
	@$(VENV)/bin/ruff check --quiet --output-format concise .
	@echo '==> ruff format'
	@$(VENV)/bin/ruff format --quiet --check .
	@echo '==> import-linter'
	@$(VENV)/bin/lint-imports --no-logo --cache-dir .cache/import-linter

check-types: $(VENV)/.ready
	@echo '==> mypy'
	@$(VENV)/bin/mypy --no-error-summary $(SOURCES)

check-branches: $(VENV)/.ready
	@echo '==> pytest: paging and rendering, with every branch covered'
	@$(VENV)/bin/python -m pytest $(MEASURED) $(BRANCHES)
	@$(VENV)/bin/coverage report --include='$(BOUNDED)' --fail-under=100

check-sessions: $(FRAMEWORKS)/.ready
	@echo '==> pytest: sessions of agent frameworks'
	@$(FRAMEWORKS)/bin/python -m pytest tests/tools/sessions

bench: $(VENV)/.ready $(NODE)/.ready $(PEERS)/.ready $(NODE_PEERS)/.ready $(ARCHIVES)/.ready $(GATEWAYS)/.ready ## Run all benchmarks, or one: make bench ROW=start
	@$(VENV)/bin/python -m bench $(ARGS) $(ROW)

evaluate: $(VENV)/.ready $(NODE)/.ready $(PEERS)/.ready ## Let scripted agents do 28 tasks, and count calls and tokens
	@$(VENV)/bin/python -m bench.evaluation

hosts: $(VENV)/.ready $(NODE)/.ready $(HOSTS)/.ready ## Run hosts from npm against a scripted model: what does each model get?
	@$(VENV)/bin/python -m bench.hosts $(ARGS) $(HOST)

agents: $(VENV)/.ready $(HOSTS)/.ready ## Run agents from npm through the recorder, and read their sessions back
	@$(VENV)/bin/python -m bench.agents $(ARGS) $(AGENT)

soak: $(VENV)/.ready $(PEERS)/.ready $(NODE)/.ready ## Test reliability at full size for hours, or in part: PARTS="kill leaks"
	@BACKSCROLL_TEST_SEEDS=$(SEEDS) $(VENV)/bin/python -m tests.faults.soak $(PARTS)

render: $(VENV)/.ready ## Render manifests, snapshots and references after a change to tools, settings or hosts
	@$(VENV)/bin/python -m manifests

picture: $(VENV)/.ready $(NODE)/.ready ## Draw the README's pictures, of the demonstration and of the page
	@$(VENV)/bin/python -m manifests.picture
	@$(VENV)/bin/python -m manifests.page_picture

bundle: $(VENV)/.ready $(NODE)/.ready render ## Build dist/backscroll.mcpb, which hosts install with one click
	@$(VENV)/bin/python -m manifests $(BUNDLE)
	@mkdir -p dist
	@$(VENV)/bin/node $(NODE)/node_modules/.bin/mcpb validate $(BUNDLE)
	@$(VENV)/bin/node $(NODE)/node_modules/.bin/mcpb pack $(BUNDLE) dist/backscroll.mcpb

pythons: $(VENV)/.ready ## Install and run the wheel with each Python that is installed: PYTHONS="python3.13 ..."
	@rm -rf .cache/pythons && $(VENV)/bin/python -m build --no-isolation --wheel --outdir .cache/pythons . >/dev/null
	@for python in $(PYTHONS); do \
		venv=.cache/pythons/$$(basename $$python); \
		$$python -c '' 2>/dev/null || { echo "==> $$python is not installed"; continue; }; \
		PYTHON=$$python .ci/venv $$venv $(DEMO_PINS) && \
		$$venv/bin/python $(PIP) --quiet install --no-index --no-deps .cache/pythons/*.whl && \
		$$venv/bin/python $(PIP) check && \
		$$venv/bin/backscroll demo >/dev/null && $$venv/bin/backscroll --version || exit 1; \
	done

pins: $(VENV)/.ready ## Pin the newest versions that pyproject.toml and package.json allow
	@echo '==> pinning Python packages'
	@$(PIN) pyproject.toml --extra demo --extra otel --extra postgres --group dev --output-file $(PINS)
	@$(PIN) --group bench --constraint $(PINS) --output-file $(PEER_PINS)
	@$(PIN) --group converters --output-file $(CONVERTER_PINS)
	@$(PIN) pyproject.toml --group frameworks --output-file $(FRAMEWORK_PINS)
	@$(PIN) --group archives --output-file $(ARCHIVE_PINS)
	@$(PIN) --group gateways --output-file $(GATEWAY_PINS)
	@$(PIN) --group build --constraint $(PINS) --output-file $(BUILD_PINS)
	@$(PIN) pyproject.toml --extra demo --constraint $(PINS) --output-file $(DEMO_PINS)
	@$(PIN) pyproject.toml --extra otel --extra postgres --constraint $(PINS) --output-file $(IMAGE_PINS)
	@echo '==> pinning Node.js packages'
	@for folder in $(CLIENTS) $(NODE_PEER) $(HOST_PINS); do \
		(cd $$folder && rm -f package-lock.json && $(NPM) install \
			--package-lock-only --omit-lockfile-registry-resolved $(NPM_FLAGS) >/dev/null) && \
		$(VENV)/bin/node --eval '$(STRIP_FUNDING)' $$folder/package-lock.json || exit 1; \
	done

clean: ## Remove everything that these targets created
	@rm -rf $(VENV) .cache dist
	@find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.pins: $(PINS)
	@.ci/venv $(VENV) $(PINS) $(LAZILY)
	@touch $@

$(VENV)/.ready: $(VENV)/.pins pyproject.toml
	@echo '==> installing backscroll in place'
	@$(VENV)/bin/python $(PIP) --quiet install --no-build-isolation --no-deps --editable .
	@$(VENV)/bin/python $(PIP) check
	@touch $@

.cache/demo-venv/.ready: $(WHEEL)/.ready $(DEMO_PINS)
	@.ci/venv $(@D) $(DEMO_PINS)
	@$(@D)/bin/python $(PIP) --quiet install --no-index --no-deps $(WHEEL)/*.whl
	@$(@D)/bin/python $(PIP) check
	@touch $@

$(WHEEL)/.ready: $(BUILD)/.ready $(SHIPPED)
	@rm -rf $(WHEEL)
	@$(BUILD)/bin/python -m build --no-isolation --wheel --outdir $(WHEEL) . >/dev/null
	@touch $@

$(BUILD)/.ready: $(BUILD_PINS)
	@.ci/venv $(BUILD) $(BUILD_PINS)
	@touch $@

$(NODE)/.ready: $(VENV)/.pins $(CLIENTS)/package.json $(CLIENTS)/package-lock.json
	@echo '==> installing the Node.js clients and test suites'
	@mkdir -p $(NODE) && cp $(CLIENTS)/package.json $(CLIENTS)/package-lock.json $(NODE)
	@cd $(NODE) && $(NPM) ci --omit=optional $(NPM_FLAGS) >/dev/null
	@touch $@

$(PEERS)/.ready: $(PEER_PINS)
	@echo '==> installing the Python packages of the benchmarks and tests'
	@.ci/venv $(PEERS) $(PEER_PINS) $(LAZILY)
	@$(PEERS)/bin/python $(PIP) check
	@touch $@

$(ARCHIVES)/.ready: $(ARCHIVE_PINS)
	@echo '==> installing other programs that search, for the benchmarks'
	@.ci/venv $(ARCHIVES) $(ARCHIVE_PINS)
	@$(ARCHIVES)/bin/python $(PIP) check
	@touch $@

$(GATEWAYS)/.ready: $(GATEWAY_PINS)
	@echo '==> installing other proxies to model servers, for the benchmarks'
	@.ci/venv $(GATEWAYS) $(GATEWAY_PINS) $(LAZILY)
	@$(GATEWAYS)/bin/python $(PIP) check
	@touch $@

$(CONVERTERS)/.ready: $(CONVERTER_PINS)
	@echo '==> installing the frameworks that convert the tools in tests'
	@.ci/venv $(CONVERTERS) $(CONVERTER_PINS) $(LAZILY)
	@$(CONVERTERS)/bin/python $(PIP) check
	@touch $@

$(FRAMEWORKS)/.ready: $(FRAMEWORK_PINS)
	@echo '==> installing the frameworks whose sessions are tested'
	@.ci/venv $(FRAMEWORKS) $(FRAMEWORK_PINS) $(LAZILY)
	@$(FRAMEWORKS)/bin/python $(PIP) check
	@touch $@

$(NODE_PEERS)/.ready: $(VENV)/.pins $(NODE_PEER)/package.json $(NODE_PEER)/package-lock.json
	@echo '==> installing the Node.js server of the benchmarks'
	@mkdir -p $(NODE_PEERS) && cp $(NODE_PEER)/package.json $(NODE_PEER)/package-lock.json $(NODE_PEERS)
	@cd $(NODE_PEERS) && $(NPM) ci --omit=optional $(NPM_FLAGS) >/dev/null
	@touch $@

# `npm ci` refuses the lock file, because a registry may lack opencode's packages for other systems.
# Two of the hosts need the script that puts the program for this system in its place.
$(HOSTS)/.ready: $(VENV)/.pins $(HOST_PINS)/package.json $(HOST_PINS)/package-lock.json
	@echo '==> installing the hosts, of 1.5 GB together'
	@mkdir -p $(HOSTS) && cp $(HOST_PINS)/package.json $(HOST_PINS)/package-lock.json $(HOSTS)
	@cd $(HOSTS) && $(NPM) install $(NPM_FLAGS) >/dev/null
	@cd $(HOSTS)/node_modules/@anthropic-ai/claude-code && $(CURDIR)/$(VENV)/bin/node install.cjs
	@cd $(HOSTS)/node_modules/opencode-ai && $(CURDIR)/$(VENV)/bin/node postinstall.mjs
	@touch $@
