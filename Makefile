# PYTHON says which interpreter; each has a virtual environment of its own.
PYTHON ?= python3
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
RUN := $(VENV)/bin/python
PARITY := .venv-parity
OLDEST := .venv-oldest
NOTEBOOKS := .venv-notebooks
JUPYTER := jupyter_client nbclient nbconvert ipykernel ipywidgets
OLDEST_PYTHON ?= python3.13
FASHION := build/tfds/fashion_mnist/3.0.1/dataset_info.json

.PHONY: install install-test demo docs test test-slow test-oldest test-optimized chaos emoji parity theory mixtures digits labels color scores classifiers lint format clean
.PHONY: notebooks notebooks-oldest notebooks-sync
.PHONY: bench breakdown tpu scaling benchmark-studies benchmark-options benchmark-in-loop benchmark-data benchmark-evaluation

demo: $(VENV)/.installed  ## Trains DCGAN on handwritten digits: ten to twenty minutes on two cores.
	$(RUN) -m gan_jax.main --config=experiments/dcgan.py

test: $(VENV)/.installed-test $(FASHION)  ## Runs all tests.
	$(RUN) -m pytest -n 2 --dist loadgroup

test-slow: $(VENV)/.installed-test  ## Runs what make test leaves out.
	$(RUN) -m pytest -n 2 --dist loadgroup -m slow

test-oldest: $(OLDEST)/.installed  ## Runs all tests with the oldest versions that setup.cfg allows, on Python 3.13.
	$(OLDEST)/bin/python -m pytest -n 2 --dist loadgroup

test-optimized: $(VENV)/.installed-test $(FASHION)  ## Runs all tests on optimized programs: takes several times longer.
	GAN_JAX_TEST_OPTIMIZED=1 $(RUN) -m pytest -n 2 --dist loadgroup

chaos: $(VENV)/.installed-test  ## Kills a run a hundred times, at random instants: ten minutes.
	PYTHONPATH=tests $(RUN) -m helpers.chaos

# From a copy of the sources, so that a build folder of an older version adds no files to the wheel.
notebooks: $(NOTEBOOKS)/.installed  ## Executes the notebooks against the built wheel, quick: ten minutes. ONLY=1,4 for some.
	rm -rf build/wheel
	mkdir -p build/wheel/sources
	cp -r setup.cfg setup.py pyproject.toml README.md LICENSE gan_jax experiments build/wheel/sources
	$(NOTEBOOKS)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel build/wheel/sources
	$(NOTEBOOKS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall build/wheel/*.whl
	$(NOTEBOOKS)/bin/python tools/run_notebooks.py --only=$(ONLY)

notebooks-oldest:  ## The same with the oldest versions that setup.cfg allows, on Python 3.13.
	$(MAKE) notebooks NOTEBOOKS=.venv-notebooks-oldest PYTHON=$(OLDEST_PYTHON) CONSTRAINT='--constraint tests/oldest.txt'

notebooks-sync:  ## Writes notebooks/*.ipynb from their sources.
	$(PYTHON) tools/sync_notebooks.py

# Where Debian's packages cannot be had, the tests that read Fashion-MNIST are skipped, and say so.
$(FASHION): | $(VENV)/.installed-test
	@mkdir -p build
	@echo 'preparing Fashion-MNIST for the tests, half a minute'
	-@tools/feature_classifiers/fetch_fashion.sh build/fashion > build/fashion.log 2>&1 \
	  && $(RUN) tests/helpers/prepare_fashion.py build/fashion build/tfds >> build/fashion.log 2>&1 \
	  || echo 'it cannot be had here, see build/fashion.log'

emoji: build/emoji  ## Fetches 3,660 small pictures in color, in nine folders, to try things on.

build/emoji:
	experiments/fetch_emoji.sh $@

docs: $(VENV)/.installed-docs  ## Builds the documentation into build/docs; warnings and broken links are errors.
	$(RUN) -m sphinx -q -W --keep-going -d build/doctrees -b html docs build/docs
	$(RUN) -m sphinx -q -W --keep-going -d build/doctrees -b linkcheck docs build/linkcheck

theory: $(VENV)/.installed  ## Measures and draws what docs/theory.md claims: one to three minutes.
	$(RUN) docs/theory/figures.py

mixtures: $(VENV)/.installed  ## Every experiment on mixtures of Gaussians, ten seeds: hours.
	$(RUN) results/mixtures.py

digits: $(VENV)/.installed  ## Every experiment on digits: hours.
	$(RUN) results/digits.py

labels: $(VENV)/.installed  ## Conditional GANs and InfoGAN on digits, three and five seeds: two hours.
	$(RUN) results/labels.py

color: $(VENV)/.installed build/emoji  ## Two GANs on color emoji for the same processor time: an hour.
	$(RUN) results/emoji.py

scores: $(VENV)/.installed  ## Scores DCGAN, WGAN-GP and hinge on digits, three seeds each: an hour.
	$(RUN) results/scores.py

parity: $(PARITY)/.installed  ## Compares scores and networks with the reference packages themselves: minutes.
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_parity.py
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_images.py
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_statistics.py
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_inception.py
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_torch_files.py
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_dinov2.py
	PYTHONPATH=. $(PARITY)/bin/python tests/parity/check_mimicry.py

benchmark-in-loop: $(VENV)/.installed  ## What scoring in the loop costs.
	$(RUN) benchmarks/in_loop.py

# Experiments, by commas, all if it is empty; and whether what was found is written down.
ONLY ?=
WRITE ?=

tpu: $(VENV)/.installed build/libtpu  ## Compiles every experiment for TPUs, on a machine that has none: half an hour.
	PYTHONPATH=build/libtpu $(RUN) benchmarks/tpu.py --only=$(ONLY) $(if $(WRITE),--write)

scaling: $(VENV)/.installed build/libtpu  ## What chips of a TPU pod say to each other in a step.
	PYTHONPATH=build/libtpu $(RUN) benchmarks/scaling.py $(if $(WRITE),--write)

# Apart, so that JAX does not look for a TPU each time that it starts.
build/libtpu: $(VENV)/.installed
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $@ \
	  "$$($(RUN) benchmarks/tpu.py --requirement)"
	@touch $@

benchmark-studies: $(VENV)/.installed  ## What ten seeds take together, beside one: ten minutes.
	$(RUN) benchmarks/studies.py

breakdown: $(VENV)/.installed  ## Where the time of a training step goes: three minutes.
	$(RUN) benchmarks/breakdown.py

bench: $(VENV)/.installed $(PARITY)/.installed  ## Training steps beside PyTorch's: a quarter of an hour.
	$(RUN) benchmarks/peers.py --peer=$(PARITY)/bin/python

benchmark-options: $(VENV)/.installed  ## What options of training take or give: a quarter of an hour.
	$(RUN) benchmarks/options.py

benchmark-data: $(VENV)/.installed-test $(PARITY)/.installed $(FASHION) build/emoji  ## What data costs: minutes.
	$(RUN) benchmarks/data.py --peer=$(PARITY)/bin/python

benchmark-evaluation: $(PARITY)/.installed  ## Scoring 10,000 images, beside pytorch-fid: ten minutes.
	PYTHONPATH=. $(PARITY)/bin/python benchmarks/evaluation.py

classifiers: $(VENV)/.installed  ## Fetches MNIST and Fashion-MNIST, and trains the networks of scores on them.
	tools/feature_classifiers/fetch.sh build/classifiers
	$(RUN) tools/feature_classifiers/train.py digits --data=build/classifiers
	$(RUN) tools/feature_classifiers/train.py fashion --data=build/classifiers

install: $(VENV)/.installed  ## Sets up, and runs nothing.

install-test: $(VENV)/.installed-test  ## Sets up what tests need too.

PYREFLY := $(RUN) -m pyrefly check --python-interpreter-path $(RUN) --output-format min-text
# Linters, types, direction of imports, US spelling, words and sentences of the prose, plain idioms.
lint: $(VENV)/.installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(PYREFLY) --min-severity error
	$(PYREFLY) --only missing-attribute,missing-module-attribute,unexpected-keyword notebooks/*.py
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/codespell *.md Makefile docs gan_jax experiments tests benchmarks results tools notebooks/*.py setup.cfg
	$(RUN) tools/prose.py
	$(RUN) tools/idioms.py

format: $(VENV)/.installed-test
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# The first line makes the environment, unless there is a whole one.
define environment
	@$(RUN) -m pip --version > /dev/null 2>&1 || { \
	  $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    || { echo '$(PYTHON) is not Python 3.11 to 3.13; name one: make ... PYTHON=python3.12'; exit 1; }; \
	  $(PYTHON) -m venv --clear $(VENV); }
endef

# Installed anew only when what is to be installed has changed.
$(VENV)/.installed: setup.cfg setup.py pyproject.toml
	$(environment)
	@echo 'installing into $(VENV), a minute or two'
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-test: setup.cfg setup.py pyproject.toml
	$(environment)
	@echo 'installing into $(VENV), a minute or two'
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $(VENV)/.installed $@

$(VENV)/.installed-docs: setup.cfg setup.py pyproject.toml
	$(environment)
	@echo 'installing into $(VENV), a minute or two'
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $(VENV)/.installed $@

$(OLDEST)/.installed: setup.cfg setup.py pyproject.toml tests/oldest.txt
	$(OLDEST_PYTHON) -m venv --clear $(OLDEST)
	@echo 'installing into $(OLDEST), a minute or two'
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --constraint tests/oldest.txt --editable '.[test]'
	@touch $@

# The dependencies and Jupyter; the wheel replaces gan_jax itself.
$(NOTEBOOKS)/.installed: setup.cfg setup.py pyproject.toml
	$(PYTHON) -m venv --clear $(NOTEBOOKS)
	@echo 'installing into $(NOTEBOOKS), a minute or two'
	$(NOTEBOOKS)/bin/python -m pip install --quiet --disable-pip-version-check $(CONSTRAINT) $(JUPYTER) '.[export]'
	@touch $@

# The packages that scores are compared with need torch, so they have an environment of their own.
# The networks of torch-mimicry do without its dependencies, of which TensorFlow is one.
$(PARITY)/.installed: tests/parity/requirements.txt
	$(PYTHON) -m venv --clear $(PARITY)
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check -r tests/parity/requirements.txt
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps torch-mimicry==0.1.16
	@touch $@

clean:  ## Removes the virtual environments and caches; never a run.
	rm -rf .venv .venv-* .pytest_cache .ruff_cache *.egg-info
