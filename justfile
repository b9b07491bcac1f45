# `just` lists the recipes.

default:
    @just --list

# Everything that must pass before a change is taken; the same as CI.
ci:
    .ci/run

# The quick way round: engines that are missing are skipped, and said so.
test *ARGS:
    cargo test --workspace {{ARGS}}

# Format, lints, and Prometheus' rules.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    promtool test rules ops/prometheus/rules_test.yml

# The product in one command: broker, conversations, ingest, index, pages.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# The benchmarks of docs/benchmarks.md.
bench *ARGS:
    cargo run --release -p hearken-bench -- {{ARGS}}
