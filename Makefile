# `make help` lists what there is. Nothing but Python 3.11+ and make is needed.
PYTHON ?= python3
BIN := .venv/bin
LABEL ?= latest
ROUNDS ?= 1
FLOWER_PORT ?= 5555
SITES := tests/docs tests/journeys tests/deploy tests/cluster tests/feedback/test_killed_workers.py \
	tests/notifications/test_killed_workers.py tests/data_care/test_running_site.py
APPS := tests/feedback tests/likes tests/notifications tests/outbox tests/socket
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run restart test test-server test-apps test-sites test-faults test-postgres test-browser test-embed faults mutants coverage check messages lock flower bench bench-check bench-peers bench-report \
	examples examples-build examples-mkdocs examples-eleventy

help: ## list the commands
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: .venv/run ## start everything on http://127.0.0.1:8000; PORT=9000 chooses another port, LOG=info shows the tasks
	@$(BIN)/python -m project.run

restart: .venv/run ## replace the processes of the running site by new ones, as after an update; no connection is refused
	@$(BIN)/python -m project.restart

lesson-%: .venv/run ## show with real workers what Celery does, for example make lesson-prefetch; make lesson-list names all
	@$(BIN)/python -m monitor.lessons $*

examples: ## serve examples/ as another site on http://localhost:8001, with the hearts of make run; PORT=9001
	@$(PYTHON) examples/serve.py

examples-build: examples-mkdocs examples-eleventy ## build the MkDocs and the Eleventy example, too; needs Node.js

examples-mkdocs:
	@test -d examples/mkdocs/.venv || $(PYTHON) -m venv examples/mkdocs/.venv
	@examples/mkdocs/.venv/bin/pip install --quiet --disable-pip-version-check -r examples/mkdocs/requirements.txt
	examples/mkdocs/.venv/bin/mkdocs build --strict --quiet --config-file examples/mkdocs/mkdocs.yml

examples-eleventy:
	@command -v npm >/dev/null || { echo "The Eleventy example needs Node.js with npm."; exit 1; }
	@npm install --prefix examples/eleventy --no-package-lock --no-audit --no-fund --silent
	npm run --prefix examples/eleventy --silent build

test: test-server test-apps test-sites test-faults test-browser test-embed ## run the whole suite; DATABASE_URL=postgres://… runs it on PostgreSQL

test-server: .venv/dev
	$(BIN)/python -m pytest tests $(addprefix --ignore ,tests/e2e tests/faults $(SITES) $(APPS))

test-apps: .venv/dev
	$(BIN)/python -m pytest $(APPS) $(addprefix --ignore ,$(SITES))

test-sites: .venv/dev # with processes of their own
	$(BIN)/python -m pytest $(SITES)

test-faults: .venv/dev # processes that are killed, hang or lose their connections; `make faults` breaks more
	$(BIN)/python -m pytest tests/faults

test-postgres: .venv/dev # what uses the database in a way of its own: locks, transactions, queries, sites that lose processes
	DATABASE_URL=$${POSTGRES_URL:-postgres://postgres@127.0.0.1:5432/postgres} $(BIN)/python -m pytest \
		$(APPS) tests/embed tests/data_care/test_backup.py tests/data_care/test_transfer.py tests/test_health.py \
		tests/test_pool.py tests/test_prepare.py tests/test_migrations.py tests/test_large_data.py \
		tests/faults/test_no_click_is_lost.py tests/faults/test_settling_while_reading.py \
		--ignore tests/feedback/test_killed_workers.py --ignore tests/notifications/test_killed_workers.py \
		--ignore tests/notifications/test_digest_schedule.py --ignore tests/outbox/test_ssrf.py \
		--ignore tests/socket/test_caps.py --ignore tests/socket/test_request_limits.py --ignore tests/socket/test_rights.py

test-browser: .venv/dev
	$(BIN)/python -m pytest tests/e2e --ignore tests/e2e/embed

test-embed: .venv/dev # on pages of other sites, in the browser
	$(BIN)/python -m pytest tests/e2e/embed

faults: .venv/dev ## break a running site in every way, one after the other; ONLY="disk clock" chooses; about 20 minutes
	$(BIN)/python -m tests.faults $(ONLY)

mutants: .venv/dev ## make the mistakes of tests/mutants/ one after the other: the tests must notice each
	$(BIN)/python -m tests.mutants

messages: .venv/dev ## bring the Korean texts in step with the code
	@command -v msgfmt >/dev/null || { echo "This needs GNU gettext: apt install gettext, or brew install gettext."; exit 1; }
	$(BIN)/python manage.py makemessages -l ko --no-obsolete --no-wrap --add-location file -i bench -i tests
	$(BIN)/python manage.py compilemessages -l ko -i .venv

lock: .venv/dev ## make requirements*.txt anew from pyproject.toml; OPTIONS=--upgrade takes the newest of everything
	$(BIN)/python .ci/lock.py $(OPTIONS)

coverage: .venv/dev ## list the lines of the product that no test runs; slower than make test
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest tests --ignore tests/e2e
	-$(BIN)/coverage run -m pytest tests/e2e
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

check: .venv/dev ## style, types, deployment settings; migrations and requirements in step
	@$(BIN)/python .ci/lock.py --check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/python manage.py makemigrations --check --dry-run
	DEBUG=0 ALLOWED_HOSTS=redheart.example EMAIL_URL=smtp://mail.example SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

flower: .venv/flower ## start Flower on http://127.0.0.1:5555 for the workers of the site that runs; FLOWER_PORT=5556
	@$(BIN)/celery -A project flower --address=127.0.0.1 --port=$(FLOWER_PORT)

bench: .venv/bench ## measure Redheart under load, about two minutes; LABEL=name, ROUNDS=3, SYSTEMS=redheart:uvicorn-postgres
	$(BIN)/python -m bench --label $(LABEL) --rounds $(ROUNDS) $(if $(SYSTEMS),--systems $(SYSTEMS))

bench-check: .venv/bench # fails if a like or a page costs half as much CPU time again as when it was last measured; a minute
	$(BIN)/python -m bench --check --label check --rounds 3 --scenarios S1,S2,S7 --systems redheart:daphne-sqlite

bench-peers: .venv/bench bench/peers/node/node_modules ## the same beside two other stacks, in turn, with ratios; needs Node.js
	$(BIN)/python -m bench --peers --label $(LABEL) --rounds $(ROUNDS) $(if $(SYSTEMS),--systems $(SYSTEMS))

bench-report: .venv/bench bench/peers/node/node_modules ## all that docs/performance.md shows, three interleaved rounds, 20 minutes
	$(BIN)/python -m bench --rounds 3 --label peers --systems redheart:daphne-sqlite,redheart:uvicorn-sqlite,node
	$(BIN)/python -m bench --rounds 3 --label embedded --scenarios S2 \
		--systems redheart:daphne-sqlite,embedded:daphne-sqlite,redheart:uvicorn-sqlite,embedded:uvicorn-sqlite
	$(BIN)/python -m bench.scaling --rounds 3
	$(BIN)/python -m bench.growth
	$(BIN)/python -m bench --label profile --scenarios S2 --systems redheart:uvicorn-sqlite --profile
	$(BIN)/python -m bench.charts
	$(BIN)/python -m bench.targets

bench-capacity: .venv/bench ## measure what docs/capacity.md calculates with, and write its tables; four minutes, needs Redis
	$(BIN)/python -m bench --label capacity --rounds $(ROUNDS) --scenarios S5,S2,S4 --systems redheart:uvicorn-postgres
	$(BIN)/python -m bench.broadcast
	$(BIN)/python -m bench.capacity_tables

cluster: .venv/dev ## start a site on two machines, with nginx, and restart each process under load; KEEP=1 leaves it running
	$(BIN)/python -m tests.cluster $(if $(KEEP),--keep)

.venv/run: requirements.txt
	@test -d .venv || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Redheart needs Python 3.11 or newer.")'
	@test -d .venv || $(PYTHON) -m venv .venv
	@echo "Installing packages (once)…"
	@$(PIP) -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/run
	@$(PIP) -r requirements-dev.txt
	@touch $@

.venv/flower: requirements-flower.txt .venv/run
	@$(PIP) -r requirements-flower.txt
	@touch $@

.venv/bench: bench/requirements.txt .venv/run
	@$(PIP) -r bench/requirements.txt
	@touch $@

bench/peers/node/node_modules: bench/peers/node/package.json
	@command -v npm >/dev/null || { echo "The Node peer needs Node.js with npm; 'make bench' does without."; exit 1; }
	@npm install --prefix bench/peers/node --no-package-lock --no-audit --no-fund --silent
	@touch $@
