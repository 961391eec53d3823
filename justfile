# Common tasks; `just` alone lists them. Each recipe is a plain command, so just itself is optional.

_default:
    @just --list

# Run the service on the sample data
serve *arguments:
    cargo run --release -- serve --data data/sample {{arguments}}

# Format, then lint as CI does
lint:
    cargo fmt
    cargo clippy --release --locked --all-targets --all-features -- -D warnings

# Run the tests; with a filter only those whose names contain it
test *filter:
    cargo test --release --locked {{filter}}

# Everything that a change must pass
ci:
    .ci/run

# Licences, sources, duplicates, advisories, unused dependencies
supply-chain:
    .ci/supply-chain

# Test the kernels on emulated processors; with --whole, the program on ARM64
processors *arguments:
    .ci/processors {{arguments}}

# Fuzz the running service with requests made from its OpenAPI description
schemathesis:
    cargo build --release --locked
    .ci/schemathesis

# Build and check the container image without a container engine (as root; 6 GB in the directory)
image directory:
    .ci/image {{directory}}

# Write docs/openapi.json again after a change of the API
openapi:
    UPDATE_OPENAPI=1 cargo test --release --locked --test it -- front_door::openapi

# Measure each stage, and the search in a large gallery
bench:
    cargo bench --bench stages
    cargo bench --bench search

# Post hostile uploads to a running server
hostile uploads="10000":
    cargo test --release --locked --test hostile -- --uploads {{uploads}}

# Send mixed traffic to a running server and check every response
soak minutes="60":
    cargo test --release --locked --test soak -- --minutes {{minutes}}
