-- +goose Up

-- Processes that serve, each of which writes its row every minute. Nothing depends on it but
-- what administrators are shown.
CREATE TABLE mcpkeep_replicas (
    id                   TEXT   NOT NULL PRIMARY KEY,
    name                 TEXT   NOT NULL,
    version              TEXT   NOT NULL,
    started_at           BIGINT NOT NULL,
    seen_at              BIGINT NOT NULL,
    provider_answered_at BIGINT
);

CREATE INDEX mcpkeep_replicas_seen_at_idx ON mcpkeep_replicas (seen_at);

-- +goose Down

DROP TABLE mcpkeep_replicas;
