# The image of heddle: `docker build .` compiles it; `--target prebuilt --build-arg BINARY=path` takes a binary that is
# there already (glibc of Debian 12 or older).

# What runs: a user of its own and a data folder that is its own.
FROM debian:bookworm-slim AS base
RUN useradd --system --uid 10001 --no-create-home --home-dir /var/lib/heddle --shell /usr/sbin/nologin heddle \
    && mkdir -p /var/lib/heddle /etc/heddle \
    && chown heddle:heddle /var/lib/heddle
WORKDIR /var/lib/heddle
USER heddle
ENV HEDDLE_DATA=/var/lib/heddle HEDDLE_LISTEN=0.0.0.0:8080
VOLUME /var/lib/heddle
EXPOSE 8080 9090
# Asks the admin API, which stays on loopback unless it is told otherwise: no curl needed.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=5 CMD ["heddle", "get", "brokers"]
ENTRYPOINT ["heddle"]
CMD ["dev"]

FROM base AS prebuilt
ARG BINARY=target/release/heddle
COPY ${BINARY} /usr/local/bin/heddle

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# TLS and SASL towards Kafka: OpenSSL from source, so it takes some minutes more.
RUN cargo build --release --locked --bin heddle --features kafka-tls

FROM base AS heddle
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/heddle /usr/local/bin/heddle
