# The same contents as `make image` builds without Docker: its program writes the files.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
COPY tools/image/go.mod tools/image/go.sum tools/image/
RUN go mod download && go -C tools/image mod download
COPY . .
ARG VERSION=devel
ARG TARGETARCH
# otel for a program that exports spans: see docs/tracing.md.
ARG TAGS=
RUN go -C tools/image run . -version "$VERSION" -tags "$TAGS" -arch "$TARGETARCH" -root /out

# The program, certificate authorities and a user; no shell.
FROM scratch
ARG VERSION=devel
LABEL org.opencontainers.image.title="mcpkeep" \
      org.opencontainers.image.description="Keeps MCP clients signed in: OAuth 2.1 authorization server and MCP server in one" \
      org.opencontainers.image.source="https://github.com/mcpkeep/mcpkeep" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build --chown=0:0 /out/mcpkeep /mcpkeep
COPY --from=build --chown=0:0 /out/etc /etc
# Where SQLite's file and the key file go unless DATABASE_URL says otherwise. It must not be
# there before: not every builder changes the owner of a directory that is.
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# Listen on all addresses; Cloud Run sets a PORT of its own.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT ["/mcpkeep"]
CMD ["serve"]
