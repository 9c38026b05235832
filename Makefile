# hip3-tui. `make run` and `make test` set everything up by themselves in .venv; they need make and Python 3.11 or newer.
# Kept to what every make understands: all decisions are in the shell lines of `setup`.

# Another interpreter:  make run PYTHON=/path/to/python3.12
# Another config:       make run CONFIG=config/testnet.toml
PYTHON ?=
CONFIG = config/sim.toml
# A guard beside the console, on our own simulator:  make run GUARD=1
GUARD =
ARGS =

PY = .venv/bin/python

.PHONY: help run test peers soak endure fuzz check bench screenshots clean setup

help:
	@echo "make run          the console on our own simulated exchange (CONFIG=... for another config, GUARD=1 for a guard, ARGS=...)"
	@echo "make test         every test"
	@echo "make peers        clients that we did not write (ccxt, installed apart in .venv-peers) against the simulated exchange"
	@echo "make fuzz         every parser against hostile frames, answers, files and command lines, for a minute (ARGS=\"--minutes 10\")"
	@echo "make soak         simulated lives under every checker, for a minute (ARGS=\"--minutes 60\" for longer, ARGS=--help for the rest)"
	@echo "make endure       the real program on a terminal for as long as asked, seen from outside (ARGS=\"--minutes 60\")"
	@echo "make check        format, lint, types, import contracts"
	@echo "make bench        every benchmark"
	@echo "make screenshots  draw screenshots/ again"
	@echo "make clean        remove .venv and everything generated"

run: setup
	@exec $(PY) -m hip3_tui run --config "$(CONFIG)" $(if $(GUARD),--guard) $(ARGS)

test: setup
	@exec $(PY) -m pytest $(ARGS)

# What only these tests need, apart from what requirements.lock pins: it is looked up last, so it replaces nothing.
peers: setup
	@cmp -s tests/peers/requirements.txt .venv-peers/.ready || { \
	    echo "hip3-tui: installing tests/peers/requirements.txt into .venv-peers, once ..." >&2; \
	    rm -rf .venv-peers; \
	    $(PY) -I -m pip install -q --no-input --disable-pip-version-check --no-warn-script-location \
	        --target .venv-peers -r tests/peers/requirements.txt && cp tests/peers/requirements.txt .venv-peers/.ready; }
	@exec $(PY) -m pytest tests/peers $(ARGS)

soak: setup
	@exec $(PY) tests/simulation/soak.py $(ARGS)

fuzz: setup
	@exec $(PY) tests/fuzz/fuzz.py $(ARGS)

endure: setup
	@exec $(PY) tests/tools/endurance.py $(ARGS)

check: setup
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports

bench: setup
	@for bench in tests/benchmarks/bench_*.py; do echo "== $$bench"; $(PY) "$$bench" || exit 1; done

screenshots: setup
	@exec $(PY) tests/tools/make_screenshots.py

clean:
	rm -rf .venv .venv-peers .venv.lock build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache snapshot_report.html
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv/.ready names the place and the checksums of what was installed; it is written last, so a set-up that was interrupted is done
# again. .venv.lock keeps two set-ups apart (the lock belongs to this shell's descriptor 9); it is not empty while one is unfinished.
# Python 3.11 comes first because requirements.lock was made and tested with it.
setup:
	@set -u; \
	fail() { echo "hip3-tui: $$1" >&2; exit 2; }; \
	case "$(MAKE_VERSION)" in [12].*|3.[0-7]*|3.80*) fail "make $(MAKE_VERSION) is too old: needs GNU make 3.81 or newer";; esac; \
	want="$$(pwd -P) $$(cat requirements.lock pyproject.toml | cksum)"; \
	ready() { [ "$$(cat .venv/.ready 2>/dev/null)" = "$$want" ] && $(PY) -c '' 2>/dev/null; }; \
	ready && exit 0; \
	python=; seen=; bare=; \
	fits() { \
	    version=$$("$$1" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null </dev/null) || return 1; \
	    seen="$${seen:+$$seen, }$$1 is $$version"; \
	    "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || return 1; \
	    "$$1" -c 'import venv, ensurepip, sqlite3, ssl' 2>/dev/null || { bare="$${bare:-$$1}"; return 1; }; \
	    python=$$1; \
	}; \
	if [ -n "$(PYTHON)" ]; then fits "$(PYTHON)"; \
	else for each in python3.11 python3.12 python3.13 python3 python3.14; do fits "$$each" && break; done; fi; \
	if [ -z "$$python" ] && [ -n "$$bare" ]; then \
	    fail "$$bare lacks one of the modules venv, ensurepip, sqlite3, ssl (Debian, Ubuntu: apt install python3-venv); or name another: make PYTHON=/path/to/python3.11"; \
	elif [ -z "$$python" ]; then \
	    wanted="$(PYTHON)"; \
	    fail "needs Python 3.11 or newer ($${seen:-$${wanted:-python3} not found}); install it or name one: make PYTHON=/path/to/python3.11"; \
	fi; \
	( : >> .venv.lock ) 2>/dev/null || fail "cannot write in $$(pwd)"; \
	exec 9>> .venv.lock; \
	"$$python" -c 'import fcntl; fcntl.flock(9, fcntl.LOCK_EX)' || fail "cannot lock .venv.lock"; \
	ready && exit 0; \
	echo "hip3-tui: setting up .venv with Python $$version, once; this takes a minute or so ..." >&2; \
	rm -f .venv/.ready; \
	log=.venv/setup.log; \
	broken() { tail -n 12 $$log >&2; fail "$$1 failed: last lines above, all of it in $$log; mend that and run make again"; }; \
	if [ -s .venv.lock ] || ! $(PY) -I -c 'import pip' 2>/dev/null; then \
	    echo unfinished > .venv.lock; \
	    rm -rf .venv && mkdir .venv && "$$python" -I -m venv .venv > $$log 2>&1 || broken "making .venv"; \
	fi; \
	echo unfinished > .venv.lock; \
	pip="$(PY) -I -m pip install -q --no-user --no-input --disable-pip-version-check --no-warn-script-location"; \
	$$pip --require-hashes -r requirements.lock > $$log 2>&1 || broken "installing the locked packages"; \
	$$pip --no-deps --no-build-isolation -e . >> $$log 2>&1 || broken "installing hip3-tui itself"; \
	echo "$$want" > .venv/.ready; \
	: > .venv.lock
