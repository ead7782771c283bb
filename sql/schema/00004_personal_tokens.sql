-- +goose Up

-- Tokens for scripts, each a grant whose client_id is personal-token and whose resource may
-- name several MCP servers, separated by spaces. name, which a person gave it, is sealed. The
-- grant lives until expires_at by a refresh token that no one has.
CREATE TABLE mcpkeep_personal_tokens (
    grant_id    TEXT   NOT NULL PRIMARY KEY
        CONSTRAINT mcpkeep_personal_tokens_grant_id_fkey REFERENCES mcpkeep_grants (id) ON DELETE CASCADE,
    name        TEXT   NOT NULL,
    name_key_id TEXT   NOT NULL
        CONSTRAINT mcpkeep_personal_tokens_name_key_id_fkey REFERENCES mcpkeep_encryption_keys (active_id),
    expires_at  BIGINT NOT NULL
);

CREATE INDEX mcpkeep_personal_tokens_name_key_id_idx ON mcpkeep_personal_tokens (name_key_id);

-- +goose Down

-- A program of the earlier version takes no such token, and its grants end with it.
DELETE FROM mcpkeep_grants WHERE id IN (SELECT t.grant_id FROM mcpkeep_personal_tokens t);
DROP TABLE mcpkeep_personal_tokens;
