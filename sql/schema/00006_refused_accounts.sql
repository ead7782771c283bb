-- +goose Up

-- Who was refused by an event of the audit trail, as the provider described them. account is
-- sealed, and ends with its event.
CREATE TABLE mcpkeep_refused_accounts (
    event_id       TEXT NOT NULL PRIMARY KEY
        CONSTRAINT mcpkeep_refused_accounts_event_id_fkey REFERENCES mcpkeep_events (id) ON DELETE CASCADE,
    account        TEXT NOT NULL,
    account_key_id TEXT NOT NULL
        CONSTRAINT mcpkeep_refused_accounts_account_key_id_fkey REFERENCES mcpkeep_encryption_keys (active_id)
);

CREATE INDEX mcpkeep_refused_accounts_account_key_id_idx ON mcpkeep_refused_accounts (account_key_id);

-- +goose Down

DROP TABLE mcpkeep_refused_accounts;
