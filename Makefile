# Everything a developer or CI types. Each target first sees to Node (scripts/node.sh) and the packages (setup).
RUN := ./scripts/node.sh node --disable-warning=ExperimentalWarning
.DEFAULT_GOAL := help
.PHONY: help setup up api test check fix gen verify migrate hooks example model bench chaos cluster

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## Fetch Node where it is missing, and the packages; does nothing when they are in step
	@$(RUN) scripts/setup.ts

up: setup ## Start everything in one process and print where, with whom to sign in
	@$(RUN) scripts/console.ts
	@$(RUN) src/main.ts serve

api: setup ## The server without the console's build, restarted on every change, on port 8000
	@$(RUN) --watch --watch-preserve-output src/main.ts serve --role api,worker

test: setup ## All tests with coverage; T=path narrows to files under it; LEG=cluster: servers as two api and two worker; STARVED=1: all of it now and then late
	@$(RUN) scripts/test.ts $(T)

check: setup ## Types, style, unused code, law of imports, contracts, secrets, vulnerabilities
	@$(RUN) scripts/check.ts

fix: setup ## Format, and mend what can be mended by itself
	@$(RUN) node_modules/@biomejs/biome/bin/biome check --write .

gen: setup ## Make the generated files again: OpenAPI, SDK types, reference pages
	@$(RUN) scripts/gen.ts

verify: setup ## Fail where a generated file differs from what would be generated
	@$(RUN) scripts/gen.ts --verify

migrate: setup ## Bring the database of DATABASE_URL (or the packaged one) to this version's schema
	@$(RUN) src/main.ts migrate

hooks: setup ## Run the quick checks before each commit of this clone
	@git config core.hooksPath .githooks

example: setup ## Run an example: NAME=arena, debate, graph, orders, panel, vote, seat-typescript, seat-python; or all
	@$(RUN) scripts/example.ts $(NAME)

model: ## Serve a small language model from this machine, without a key; the first run fetches it
	@$(RUN) examples/local-model/start.ts

bench: setup ## Measure; B=name picks a scenario
	@$(RUN) bench/run.ts $(B)

chaos: setup ## Break whatever can break while it is used, and judge what is left; SEED=n, SEEDS=1..10, KILLS=n, SCENARIO=cluster, same-order or discussions
	@$(RUN) test/chaos/run.ts

cluster: setup ## Two api and two worker behind an nginx, with a PostgreSQL and a Redis of their own; DO=examples runs them there
	@$(RUN) scripts/cluster.ts
