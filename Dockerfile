# syntax=docker/dockerfile:1
#
#     docker build -t facerec .
#     docker buildx build --platform linux/amd64,linux/arm64 .       # for both kinds of processors
#     docker run -p 5000:5000 -v "$PWD/data/sample:/data" --stop-timeout 35 facerec
#
# The data folder must be writable for user 65532, who runs the service. On SIGTERM it finishes what runs,
# for 30 seconds at most: hence the stop timeout.

# Override for another mirror or base; the runtime needs glibc and libgcc, no shell.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-trixie
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian13:nonroot

FROM ${BUILD_IMAGE} AS build
# HEIC, the photos of iPhones; empty leaves it out (docs/phone-photos.md).
ARG FEATURES=phone-photos
WORKDIR /src
COPY . .
# Builds for several platforms share the cached directory at the same time: each has its own part of it.
# facerec.cdx.json names every crate in the program: the software bill of materials, in CycloneDX.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    export CARGO_TARGET_DIR="/src/target/$(uname -m)" \
    && cargo build --release --locked --features "${FEATURES}" --bin facerec \
    && { command -v cargo-cyclonedx || cargo install --locked --debug --target-dir "$CARGO_TARGET_DIR/tools" cargo-cyclonedx@0.5.9; } \
    && cargo cyclonedx --features "${FEATURES}" --format json --spec-version 1.5 --override-filename facerec.cdx \
    && mkdir -p /out/opt/facerec /out/data \
    && cp "$CARGO_TARGET_DIR/release/facerec" facerec.cdx.json LICENSE /out/opt/facerec/ \
    && cp -r models /out/opt/facerec/models \
    && chown 65532:65532 /out/data

FROM ${RUNTIME_IMAGE}
# Models are found beside the binary. `facerec models install` writes below XDG_DATA_HOME: into the volume.
COPY --from=build /out/ /
ENV XDG_DATA_HOME=/data
USER 65532:65532
VOLUME /data
EXPOSE 5000
# It asks the port that FACEREC_PORT names, as the service does.
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s CMD ["/opt/facerec/facerec", "healthcheck"]
ENTRYPOINT ["/opt/facerec/facerec"]
CMD ["serve", "--data", "/data"]
