PYTHON ?= python3.11
VENV := .venv
TRITON_VENV := .venv-triton
BIN := $(VENV)/bin
UV := $(BIN)/uv
PROTOS := $(wildcard protos/reclass/*/v1/*.proto)
MEMBERS := runtime sync features inference portal standalone client
# Where a machine keeps local wheels for pip (a CPU build of torch, say), uv looks there too.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
# Which build of torch elsewhere: auto (by this machine's driver), cpu, cu130, ... as uv names them.
TORCH_BACKEND ?= $(if $(UV_FIND_LINKS),,auto)
WITH_TORCH := $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND))
ARGS ?=
# Much of what tests wait for is not this machine's processor.
TEST_PROCESSES ?= 3
DATA ?=
# As `reclass up` without --data.
USUAL_DATA := $(if $(filter 0,$(shell id -u)),/var/lib/reclass,$(HOME)/.local/share/reclass)
WEIGHTS ?= $(or $(DATA),$(USUAL_DATA))/weights/MERT-v1-95M
NAMES ?=
# A machine's image may forbid Python to keep what it compiles: each process of a test would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Show these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# The last command has numba compile librosa's gufuncs, which an import does and leaves on disk. It keeps a gufunc and its
# wrapper in two files. Of two processes that are the first to import them, one may leave the one and one the other; they
# do not fit each other, and whatever imports them crashes from then on (SIGSEGV). So one process comes first.
$(VENV)/.installed: constraints.txt requirements-dev.txt requirements-members.txt requirements-oracle.txt protos/pyproject.toml $(wildcard services/*/pyproject.toml clients/*/pyproject.toml)
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. docs/install.md says what is needed, and how another one is named."; exit 1; }
	@# Where Debian lacks python3-venv it leaves an environment without pip behind, in which nothing can be installed.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	test -x $(UV) || $(BIN)/python -m pip install --quiet uv
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt -r requirements-dev.txt -r requirements-members.txt
	$(UV) pip install --quiet --python $(BIN)/python -c constraints.txt $(WITH_TORCH) -r requirements-oracle.txt
	$(BIN)/python -c 'import librosa.beat, librosa.core.audio, librosa.core.pitch, librosa.util.utils'
	touch $@

$(TRITON_VENV)/.installed: services/triton/requirements.txt services/triton/requirements-torch.txt | $(VENV)/.installed
	test -x $(TRITON_VENV)/bin/python || $(PYTHON) -m venv $(TRITON_VENV)
	$(UV) pip install --quiet --python $(TRITON_VENV)/bin/python --no-deps -r services/triton/requirements.txt
	$(UV) pip install --quiet --python $(TRITON_VENV)/bin/python $(WITH_TORCH) -r services/triton/requirements-torch.txt
	touch $@

.PHONY: install
install: $(VENV)/.installed $(TRITON_VENV)/.installed ## Install everything into .venv and .venv-triton

.PHONY: demo
demo: install ## Make a small library, classify its songs and write the genres back (ARGS=--exit stops afterwards)
	$(BIN)/reclass demo $(if $(DATA),--data $(DATA)) $(ARGS)

.PHONY: up
up: install ## Start the whole system on this machine, for your own Plex
	$(BIN)/reclass up $(if $(DATA),--data $(DATA)) $(ARGS)

.PHONY: test
test: install ## Run the tests of every part, alone and together (at most 10 minutes)
	$(BIN)/pytest -n $(TEST_PROCESSES)

.PHONY: test-fast
test-fast: install ## Run the unit tests (at most 2 minutes)
	$(BIN)/pytest -n 2 tests/unit

.PHONY: test-acceptance
test-acceptance: install ## Run the demo, use it as its documents say, and walk the path of a newcomer (about 6 minutes)
	$(BIN)/pytest tests/tiers/acceptance

.PHONY: test-browser
test-browser: install ## Look at the pages in Chromium: by keyboard, by a screen reader's rules, on a telephone (about a minute)
	$(BIN)/pytest tests/tiers/browser

.PHONY: test-limits
test-limits: install ## Flood each service as a stranger, and see what it holds and whether it answers (about a minute)
	$(BIN)/pytest tests/tiers/limits

.PHONY: test-thorough
test-thorough: install ## Compare 60 excerpts with the reference, sync 20,000 songs that change meanwhile, train and embed at length (about 4 minutes)
	$(BIN)/pytest -n 2 -m thorough

.PHONY: test-misuse
test-misuse: install ## Let people and programs do what they must not: posts, addresses, arguments, calls (about 2 minutes)
	$(BIN)/pytest -n $(TEST_PROCESSES) -m misuse

.PHONY: test-outages
test-outages: install ## Let processes and servers of each service die, hang and come back (about 3 minutes)
	$(BIN)/pytest -n $(TEST_PROCESSES) -m outages

.PHONY: test-survival
test-survival: install ## Kill every process in the middle of the work (about 10 minutes)
	$(BIN)/pytest tests/tiers/survival

.PHONY: test-stages
test-stages: install ## Run the demo with a MERT of random weights, and switch embeddings off, on, in and out (about 8 minutes)
	$(BIN)/pytest tests/tiers/stages

.PHONY: test-formats
test-formats: install ## Decode some hundred odd, bad and damaged sound files as FFmpeg does (about 2 minutes)
	$(BIN)/pytest -n 2 tests/tiers/formats

.PHONY: test-fuzz
test-fuzz: install ## Throw 2,000 broken sound files at the running features service (about 2 minutes)
	$(BIN)/pytest tests/tiers/fuzz

.PHONY: test-mert
test-mert: install ## Compare both MERT models at full size with transformers (about a minute, 5 GB of memory)
	$(BIN)/pytest tests/tiers/fullsize

.PHONY: lint
lint: install ## Check style, the order of the rooms, types, the stubs, the page of settings and that no migration is missing, that Django finds nothing unsafe
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	for member in $$(grep -l tool.importlinter services/*/pyproject.toml); do \
	  $(BIN)/lint-imports --no-cache --no-logo $$member || exit 1; done
	BIN=$(BIN) scripts/typecheck
	BIN=$(BIN) scripts/stubs --check
	$(BIN)/python scripts/settings_page --check
	DJANGO_SETTINGS_MODULE=portal.django_settings $(BIN)/python -W ignore -m django makemigrations --check --dry-run
	PORTAL_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(48))') PORTAL_HTTPS_PROXY=true \
	  DJANGO_SETTINGS_MODULE=portal.django_settings $(BIN)/python -W ignore -m django check --deploy --fail-level WARNING

.PHONY: format
format: install ## Rewrite the code in the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: protos
protos: install ## Generate the gRPC stubs from protos/
	BIN=$(BIN) scripts/stubs

.PHONY: settings-page
settings-page: install ## Write docs/configure.md from the code
	$(BIN)/python scripts/settings_page

.PHONY: pictures
pictures: install ## Take the screenshots of the README anew
	mkdir -p docs/images
	RECLASS_KEEP_PICTURES=1 RECLASS_REQUIRE_BROWSER=1 $(BIN)/pytest tests/tiers/acceptance/test_screenshots.py

.PHONY: mert-weights
mert-weights: install ## Say how to get MERT's weights, and check those that are there (WEIGHTS=DIR)
	$(TRITON_VENV)/bin/python services/triton/check_weights.py $(WEIGHTS)

.PHONY: secrets
secrets: ## Make the passwords for containers in secrets/, those that are not there yet
	scripts/secrets

.PHONY: kubectl
kubectl: ## Put a kubectl into .venv where the machine has none
	scripts/kubectl

.PHONY: compose-demo
compose-demo: install ## Build the images and run the demo in containers, from the sync to the rollback (ARGS=--keep leaves it)
	scripts/docker_daemon $(BIN)/python scripts/compose_demo $(ARGS)

.PHONY: bench
bench: install ## Print the benchmarks (NAMES="storage admin_pages" takes some of them)
	PYTHONPATH=tests/support:services/triton:services/triton/models/mert/1:services/triton/models/musicnn/1 $(BIN)/python -m benchmarks $(NAMES)

.PHONY: pins
pins: ## Resolve constraints.txt anew
	$(UV) pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	  $(foreach m,protos $(MEMBERS),--no-emit-package reclass-$(m)) \
	  requirements-dev.txt requirements-members.txt -o constraints.txt

.PHONY: clean
clean: ## Remove the environments
	rm -rf $(VENV) $(TRITON_VENV)
