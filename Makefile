# The commands that people type. CMake does the building; see CONTRIBUTING.md.
#
#   make            the command, at build/hornpipe         make test       first tier of tests (minutes)
#   make demo       builds, then predicts                  make test-full  second tier (needs the network)
#   make install    PREFIX=/usr/local DESTDIR=             make soak       long tests (hours)
#   make bench      speed, side by side (half an hour)     make format     clang-format on all sources
#
# Missing Debian packages are installed first where root or sudo is at hand. Variables: CMAKE_FLAGS for the
# configuration, JOBS for the number of compilations at once, KERAS_PYTHON for an existing Python with Keras, BENCH for
# arguments of bench/run.py ("--only mlp,cnn --rounds 3").
SHELL = /bin/sh
JOBS = $(shell nproc 2>/dev/null || echo 2)
PREFIX = /usr/local
CMAKE_FLAGS =
VENV = .venv
KERAS_VENV = .venv-keras
BENCH_VENV = .venv-bench
BENCH =
KERAS_PYTHON = $(KERAS_VENV)/bin/python
PACKAGE_VENV = .venv-package
PACKAGE_PYTHON = $(PACKAGE_VENV)/bin/python
PYTEST = $(VENV)/bin/python -m pytest -c tests/pytest.ini
# The Python package as part of a build: at build/python, for the first tier's Python.
PACKAGE = -DHORNPIPE_PYTHON=ON -DPython_EXECUTABLE=$(abspath $(VENV))/bin/python

# The second tier's steps: one target each, so that each can be run alone.
SECOND_TIER = check-format check-shell check-header check-install check-page check-clang check-asan check-tsan \
    check-aarch64 check-numbers check-fuzz check-keras check-conformance check-package
# What takes longer still: make soak runs it, with hours of damaged files.
SOAK = check-cases conformance check-kills check-applications check-wheel

.PHONY: all demo test test-full soak install bench format clean wheel \
    venv keras-venv bench-venv unit-tests python-tests supported-layers measured-errors $(SECOND_TIER) $(SOAK)
.NOTPARALLEL:

all:
	@tools/setup.sh build
	@tools/build.sh build -DCMAKE_BUILD_TYPE=Release -DHORNPIPE_TESTS=AUTO $(CMAKE_FLAGS) -- hornpipe_command

demo: all
	examples/demo.sh build/hornpipe

# ---- first tier

test:
	@tools/setup.sh test
	@$(MAKE) --no-print-directory venv
	@tools/build.sh build -DCMAKE_BUILD_TYPE=Release -DHORNPIPE_TESTS=ON $(PACKAGE) $(CMAKE_FLAGS) --
	ctest --test-dir build --label-regex tier1 --output-on-failure --no-tests=error -j $(JOBS)
	@$(MAKE) --no-print-directory python-tests

venv:
	@tools/venv.sh $(VENV) tests/requirements.txt

python-tests: venv
	HORNPIPE=$(CURDIR)/build/hornpipe PYTHONPATH=$(CURDIR)/build/python $(PYTEST) $(wildcard tests/cli tests/python tests/package)

# ---- second tier

test-full:
	@tools/setup.sh full
	@for step in $(SECOND_TIER); do \
	    start=$$(date +%s); echo "== $$step"; \
	    $(MAKE) --no-print-directory $$step || exit 1; \
	    echo "== $$step: done in $$(($$(date +%s) - start)) s"; \
	done

check-format:
	@git ls-files '*.c' '*.h' '*.inc' | xargs clang-format --dry-run --Werror
	@echo "check-format: $$(git ls-files '*.c' '*.h' '*.inc' | wc -l) files"

check-shell:
	@for file in tools/*.sh examples/*.sh .ci/run; do sh -n $$file || exit 1; done

check-header:
	@tools/check_header.sh

check-install:
	@tools/check_install.sh

check-page: all
	@tools/check_page.sh

check-clang: venv
	@tools/build.sh build-clang --preset clang -DHORNPIPE_TESTS=ON $(PACKAGE) --
	ctest --test-dir build-clang -L tier1 --output-on-failure --no-tests=error -j $(JOBS)

check-asan: venv
	@tools/build.sh build-asan --preset asan -DHORNPIPE_TESTS=ON $(PACKAGE) --
	tools/sanitized.sh ctest --test-dir build-asan -L tier1 --output-on-failure --no-tests=error -j $(JOBS)
	HORNPIPE=$(CURDIR)/build-asan/hornpipe HORNPIPE_EVERY=8 tools/sanitized.sh $(PYTEST) $(wildcard tests/cli tests/python)
	PYTHONPATH=$(CURDIR)/build-asan/python tools/sanitized.sh tools/preloaded.sh $(PYTEST) tests/package
	HORNPIPE=$(CURDIR)/build-asan/hornpipe HORNPIPE_FUZZ_TRIES=60 HORNPIPE_FUZZ_SEED=sanitized tools/sanitized.sh \
	    $(PYTEST) tests/fuzz

check-tsan: venv
	@tools/build.sh build-tsan --preset tsan -DHORNPIPE_TESTS=ON --
	tools/sanitized.sh ctest --test-dir build-tsan -L tier1 -R 'thread|exec|session|constants|plan|network|library' \
	    --output-on-failure --no-tests=error -j $(JOBS)
	HORNPIPE=$(CURDIR)/build-tsan/hornpipe HORNPIPE_IMAGES=4000 tools/sanitized.sh $(PYTEST) tests/python/test_stream.py \
	    -k "killed or failed_rows or same_bytes_of_text"

check-aarch64:
	@tools/check_aarch64.sh

# Text to numbers and numbers to text, by the million, against the C library's.
check-numbers: all
	HORNPIPE_NUMBERS=5000000 build/tests/test_io_csv_rows
	HORNPIPE_NUMBERS=10000000 build/tests/test_io_numbers

check-fuzz: venv
	HORNPIPE=$(CURDIR)/build/hornpipe $(PYTEST) tests/fuzz

keras-venv:
	@[ "$(KERAS_PYTHON)" != "$(KERAS_VENV)/bin/python" ] || tools/venv.sh $(KERAS_VENV) tests/keras/requirements.txt

check-keras: keras-venv
	HORNPIPE=$(CURDIR)/build/hornpipe PYTHONPATH=$(CURDIR)/build/python \
	    $(KERAS_PYTHON) -m pytest -c tests/pytest.ini tests/keras

# The Python package with the libraries that it meets, its sources, and its installation.
check-package: venv
	@[ "$(PACKAGE_PYTHON)" != "$(PACKAGE_VENV)/bin/python" ] || tools/venv.sh $(PACKAGE_VENV) tests/ecosystem/requirements.txt
	PYTHONPATH=$(CURDIR)/build/python $(PACKAGE_PYTHON) -m pytest -c tests/pytest.ini tests/ecosystem
	@tools/check_package.sh

# All 40 networks of keras.applications; the second tier has a sample of them.
check-applications: keras-venv
	HORNPIPE=$(CURDIR)/build/hornpipe HORNPIPE_APPLICATIONS=all \
	    $(KERAS_PYTHON) -m pytest -c tests/pytest.ini -s tests/keras/test_applications.py

# A wheel for any Linux with glibc 2.28, in dist/, and whether it is what it should be.
wheel: venv
	tools/build_wheel.sh dist $(abspath $(VENV))/bin/python

check-wheel: wheel
	tools/check_wheel.sh dist/hornpipe-*.whl $(abspath $(VENV))/bin/python

# Every layer and operation as Keras's own tests call them: two calls of each class and some more (conformance/capture.py --sample
# chooses them), or all. CASES='--only op-Add' chooses.
check-conformance: keras-venv
	$(KERAS_PYTHON) tests/keras/conformance/run.py --hornpipe build/hornpipe \
	    --captured tests/keras/conformance/sample.json.gz $(CASES)

build/captured.pickle: keras-venv
	@[ -f $@ ] || $(KERAS_PYTHON) tests/keras/conformance/capture.py $@

conformance: build/captured.pickle
	$(KERAS_PYTHON) tests/keras/conformance/run.py --hornpipe build/hornpipe --captured build/captured.pickle \
	    --report build/conformance.json $(CASES)

# docs/supported-layers.md out of the registries and of the errors measured last; and those errors out of the stored cases and
# of what `make conformance` found, where it ran.
supported-layers: all
	@tools/build.sh build -DCMAKE_BUILD_TYPE=Release -DHORNPIPE_TESTS=AUTO $(CMAKE_FLAGS) -- print_registries
	tools/supported_layers.py build/tests/print_registries

measured-errors: all venv
	$(VENV)/bin/python tools/measure_errors.py build/hornpipe build/conformance.json
	@$(MAKE) --no-print-directory supported-layers

# The reference cases made anew, with other weights and inputs than the stored ones.
check-cases: keras-venv
	rm -rf build/keras-cases
	$(KERAS_PYTHON) tools/make_reference_cases.py --seed live --output build/keras-cases
	HORNPIPE=$(CURDIR)/build/hornpipe HORNPIPE_CASES=$(CURDIR)/build/keras-cases \
	    $(KERAS_PYTHON) -m pytest -c tests/pytest.ini tests/python/test_cases.py

# Two hundred random kills of workers and fifty of the command, and a hundred million rows.
check-kills: venv
	HORNPIPE_CALLS=1000000 build/tests/test_exec_memory
	HORNPIPE=$(CURDIR)/build/hornpipe HORNPIPE_KILLS=200 HORNPIPE_ROWS=100000000 $(PYTEST) tests/python/test_stream.py

# ---- and the rest

soak:
	@tools/setup.sh full
	@$(MAKE) --no-print-directory venv $(SOAK)
	@tools/build.sh build-asan --preset asan -DHORNPIPE_TESTS=ON --
	HORNPIPE=$(CURDIR)/build-asan/hornpipe HORNPIPE_FUZZ_TRIES=100000 tools/sanitized.sh $(PYTEST) tests/fuzz

install: all
	@tools/build.sh build -DCMAKE_INSTALL_PREFIX=$(PREFIX) -- all
	DESTDIR=$(DESTDIR) cmake --install build --prefix $(PREFIX)

bench-venv:
	@tools/venv.sh $(BENCH_VENV) bench/requirements.txt

bench: all bench-venv
	@tools/build.sh build -DCMAKE_BUILD_TYPE=Release -DHORNPIPE_TESTS=AUTO -DHORNPIPE_PYTHON=ON \
	    -DPython_EXECUTABLE=$(abspath $(BENCH_VENV))/bin/python $(CMAKE_FLAGS) -- hornpipe_shared hornpipe_python
	$(BENCH_VENV)/bin/python bench/run.py $(BENCH)
	[ -n "$(BENCH)" ] || for table in "run.py --isa avx2" "tables.py latency" "tables.py opening" "tables.py threads" \
	    "tables.py rows" cold_start.py text.py report.py; do $(BENCH_VENV)/bin/python bench/$$table || exit 1; done

format:
	git ls-files '*.c' '*.h' '*.inc' | xargs clang-format -i

clean:
	rm -rf build build-*
