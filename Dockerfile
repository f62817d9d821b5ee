# One image for all functions, started as `suitex-sync <function>`: no shell, no package manager, no root.
# Build: docker build -t suitex-sync .
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The image is the program and nothing else, without the simulators; what is private to a deployment comes by
# environment and secrets.
RUN cargo build --release --locked --no-default-features --features deployed --bin suitex-sync \
    && strip target/release/suitex-sync

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/suitex-sync /suitex-sync
COPY --from=build /src/config/sync.toml /etc/suitex-sync/sync.toml
ENV SYNC_CONFIG=/etc/suitex-sync/sync.toml
USER nonroot
EXPOSE 8080
ENTRYPOINT ["/suitex-sync"]
