# What a person types. `make help` lists it; each target is one line of the scripts or of cargo.

.DEFAULT_GOAL := help
BENCH := target/release/heddle-bench run
.PHONY: help run build release test unit suite crash fuzz sources interop stack-test servers bench bench-quick bench-large bench-micro bench-baseline lint fmt deny clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build and start heddle with no configuration (ARGS="--data DIR" passes on)
	cargo run --locked --bin heddle -- dev $(ARGS)

build: ## build the binary, the tests and everything else
	cargo build --locked --workspace --all-targets

release: ## the binary as it is released: optimised, with TLS and SASL towards Kafka
	cargo build --locked --release --bin heddle --features kafka-tls

test: ## all tests; fetches the servers and clients that they need
	scripts/test

unit: ## the crates' own tests: no server, no binary
	cargo test --locked --workspace --exclude heddle-tests

suite: ## the black-box suites alone (ONLY=delivery:: picks some)
	scripts/test --workspace --test suite --test architecture $(ONLY)

crash: ## kill -9 under load, 50 times (KILLS=n, SEED=n), and what must survive it
	HEDDLE_CRASH_KILLS=$(or $(KILLS),50) $(if $(SEED),HEDDLE_CRASH_SEED=$(SEED)) scripts/test --workspace --test suite crash::

fuzz: ## each fuzz target for a minute (FUZZ_SECONDS=n, ONLY=target)
	scripts/fuzz $(ONLY)

sources: ## each source with its real server
	scripts/test --workspace --test suite sources::

interop: ## events between heddle and clients that others wrote
	scripts/test --workspace --test suite interop::

stack-test: ## docker-compose.yml for real, where a container engine can be had
	scripts/stack-test

servers: ## fetch Kafka, nats-server and other libraries' clients for the tests
	scripts/servers
	scripts/interop

bench: bench-build ## measure against the machine's own limits: under 10 minutes (ONLY=ingest picks some)
	$(BENCH) --mode full $(addprefix --only ,$(ONLY))

bench-quick: bench-build ## the same in short: under 90 seconds, for a first look
	$(BENCH) --mode quick $(addprefix --only ,$(ONLY))

bench-large: bench-build ## what takes long and 20 GB: millions of events waiting, a directory of 10 GiB
	$(BENCH) --mode large $(addprefix --only ,$(ONLY))

.PHONY: bench-build
bench-build:
	cargo build --locked --profile bench -p heddle -p heddle-bench
	scripts/servers nats

bench-micro: ## allocations, instructions and times of the hot paths, beside their limits
	scripts/bench-micro

bench-baseline: ## count the instructions of the hot paths and make that the baseline
	scripts/bench-micro baseline

lint: fmt deny ## format, clippy and the dependency rules, as CI checks them
	cargo clippy --locked --workspace --all-targets -- -D warnings

fmt: ## check the format (cargo fmt repairs it)
	cargo fmt --all -- --check

deny: ## check the dependencies' licences, bans and sources
	scripts/deny

clean: ## remove builds and fetched servers
	cargo clean
	rm -rf .servers
