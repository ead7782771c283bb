-- +goose Up

-- Keys that sign the identity assertions which upstream MCP servers get, in the order of
-- number: of any number of processes that make the next key, one gets its number. id is the
-- public key's thumbprint (RFC 7638), private_key a sealed PKCS #8 document. A key signs from
-- signs_at until the next one does, and is published before and after that.
CREATE TABLE mcpkeep_signing_keys (
    id                 TEXT   NOT NULL PRIMARY KEY,
    number             BIGINT NOT NULL UNIQUE,
    private_key        TEXT   NOT NULL,
    private_key_key_id TEXT   NOT NULL
        CONSTRAINT mcpkeep_signing_keys_private_key_key_id_fkey REFERENCES mcpkeep_encryption_keys (active_id),
    created_at         BIGINT NOT NULL,
    signs_at           BIGINT NOT NULL
);

CREATE INDEX mcpkeep_signing_keys_private_key_key_id_idx ON mcpkeep_signing_keys (private_key_key_id);

-- +goose Down

DROP TABLE mcpkeep_signing_keys;
