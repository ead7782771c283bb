-- Registered clients, column for column the table that FastMCP deployments
-- have, so that an existing one is adopted with its rows: either program goes
-- on reading and writing it. value holds py-key-value's Fernet envelope.

-- +goose Up
CREATE TABLE IF NOT EXISTS oauth_clients (
    key        TEXT PRIMARY KEY,
    value      JSONB NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS oauth_clients_updated_at_idx ON oauth_clients (updated_at);

-- +goose Down
-- The table stays: it may be another program's, and its rows are what keeps
-- every client signed in. Going up again adopts it.
SELECT 1;
