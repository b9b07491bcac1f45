# `just` lists the recipes.

default:
    @just --list

# Everything that must pass before a change is taken; the same as CI.
ci:
    .ci/run

# The quick way: engines that are missing are skipped, which the output says.
test *ARGS:
    cargo test --workspace {{ARGS}}

# Format, lints, the code's documentation, and Prometheus' rules.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    promtool test rules ops/prometheus/rules_test.yml

# Licences, duplicates and sources of all dependencies, by deny.toml.
deny:
    .ci/deny

# The product in one command: broker, conversations, ingest, index, pages.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# The benchmarks of docs/benchmarks.md.
bench *ARGS:
    cargo run --release -p hearken-bench -- {{ARGS}}

# The long run of the crash rig: the server killed 1,000 times against Apache Kafka. docs/reliability.md has a result.
crash-rig KILLS="1000":
    cargo build --workspace --bin hearken --features hearken-tests/failpoints
    HEARKEN_REQUIRE_ENGINES=1 HEARKEN_CRASH_KILLS={{KILLS}} cargo test -p hearken-tests --test crash -- --nocapture apache_kafka

# Makes up input until some of it breaks something: fuzz/README.md has the targets. An hour is `just fuzz search 3600`.
fuzz TARGET="search" SECONDS="60":
    fuzz/run {{TARGET}} {{SECONDS}}
