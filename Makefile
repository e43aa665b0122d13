# Everything happens in .venv, made from setup.py by the first target used.
PYTHON ?= python3
VENV   := .venv
BENCH  := .venv-bench
DIST   := .venv-dist
BIN    := $(VENV)/bin
DOCKER ?= docker
TESTS  ?= tests
FLAGS  ?=
IMAGES ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-tensorflow test-jax lint format bench dist \
  dist-check docker docker-gpu docker-check constraints engine clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed ## train, evaluate, export and report on the built-in dataset
	$(BIN)/python -m kerastricks.train --flagfile=configs/demo.flags $(FLAGS)

test: QUICK := yes
test: test-tensorflow test-jax ## run the suite but for what is slow: all on TensorFlow, what is traced on JAX too

test-all: test-tensorflow test-jax ## run the whole suite

test-tensorflow: $(VENV)/.installed-dev
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -n 2 --dist loadscope $(if $(QUICK),-m "not slow") $(TESTS)

test-jax: $(VENV)/.installed-dev
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n 2 --dist loadscope -m "traced$(if $(QUICK), and not slow)" $(TESTS)

lint: $(VENV)/.installed-dev ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint $(wildcard docker/Dockerfile* docker/*/Dockerfile*)

format: $(VENV)/.installed-dev ## put the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed $(BENCH)/.installed ## the input pipeline beside torchvision, timm, Keras, keras-cv (IMAGES=DIR of JPEGs)
	$(BIN)/python benchmarks/input.py --images=$(IMAGES) --torch_python=$(BENCH)/bin/python $(FLAGS)

# The wheel is built from the sdist, so nothing left in build/ gets into it.
dist: $(DIST)/.installed ## build wheel and sdist into dist/
	rm -rf dist
	$(DIST)/bin/python -m build --outdir dist .

dist-check: dist ## install what was built in an empty environment and train there
	$(DIST)/bin/python tools/check_dist.py dist

docker: engine ## build the image for CPUs (DOCKER=podman works too)
	$(DOCKER) build -f docker/Dockerfile -t kerastricks .

docker-gpu: engine ## build the image for NVIDIA GPUs
	$(DOCKER) build -f docker/Dockerfile.gpu -t kerastricks:gpu .

engine:
	@command -v $(DOCKER) >/dev/null || \
	  { echo "images need a container engine. Received: DOCKER=$(DOCKER), no such command"; exit 2; }
	@$(DOCKER) info >/dev/null 2>&1 || \
	  { echo "images need a running container engine. Received: $(DOCKER) info fails"; exit 2; }

docker-check: ## carry out the Dockerfiles' lines without an engine (minutes)
	$(PYTHON) tools/docker_lines.py docker/Dockerfile --epochs=1 --sample_fraction=0.05
	$(PYTHON) tools/docker_lines.py docker/Dockerfile.gpu --epochs=1 --sample_fraction=0.05

constraints: ## pin the images to what pip picks today
	$(PYTHON) tools/constraints.py

clean: ## remove the environment and what tools left behind (runs stay)
	rm -rf $(VENV) $(BENCH) $(DIST) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python $(DIST)/bin/python: %/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "kerastricks needs Python >= 3.11. Received: PYTHON=$(PYTHON)"; exit 2; }
	$(PYTHON) -m venv $*
	$@ -m pip install --quiet --upgrade pip

$(DIST)/.installed: | $(DIST)/bin/python
	$(DIST)/bin/python -m pip install --quiet build
	@touch $@

$(VENV)/.installed: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: setup.py | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(VENV)/.installed $@

# torchvision from the package index is built for CUDA, and says so to pip only:
# without its dependencies it works on a torch for CPUs. What cannot be had is
# skipped by the benchmark, with a line that says why.
$(BENCH)/.installed:
	$(PYTHON) -m venv $(BENCH)
	-$(BENCH)/bin/python -m pip install --quiet torch==2.13.0 numpy pillow pyyaml huggingface_hub safetensors && \
	  $(BENCH)/bin/python -m pip install --quiet --no-deps torchvision==0.28.0 timm==1.0.31 && touch $@
