FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/mcpkeep ./cmd/mcpkeep \
    && mkdir /out/data

# Certificate authorities and time zones, no shell.
FROM gcr.io/distroless/static-debian12:nonroot
ARG VERSION=devel
LABEL org.opencontainers.image.title="mcpkeep" \
      org.opencontainers.image.description="Keeps MCP clients signed in: OAuth 2.1 authorization server and MCP server in one" \
      org.opencontainers.image.source="https://github.com/mcpkeep/mcpkeep" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION"
COPY --from=build /out/mcpkeep /mcpkeep
# Where SQLite's file and the key file go unless DATABASE_URL says otherwise.
COPY --from=build --chown=65532:65532 /out/data /data
WORKDIR /data
VOLUME /data
# Listen on all addresses; Cloud Run sets a PORT of its own.
ENV PORT=8080
EXPOSE 8080
ENTRYPOINT ["/mcpkeep"]
CMD ["serve"]
