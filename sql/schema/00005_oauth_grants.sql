-- A grant is the root of a family: revoked_at kills every code and token of it
-- at once. Codes and tokens are kept as SHA-256 (base64url, 43 characters),
-- spent ones until they expire: spent is not unknown. successor is the sealed
-- pair that a repeated refresh is answered with inside the grace window.

-- +goose Up
CREATE TABLE oauth_grants (
    id                    TEXT   NOT NULL PRIMARY KEY,
    user_id               TEXT   NOT NULL REFERENCES oauth_users (id),
    client_id             TEXT   NOT NULL,
    scope                 TEXT   NOT NULL,
    resource              TEXT   NOT NULL,
    provider_token        TEXT,
    provider_token_key_id TEXT   REFERENCES encryption_keys (active_id),
    provider_checked_at   BIGINT NOT NULL,
    created_at            BIGINT NOT NULL,
    activated_at          BIGINT,
    last_used_at          BIGINT NOT NULL,
    revoked_at            BIGINT,
    CHECK ((provider_token IS NULL) = (provider_token_key_id IS NULL))
);

CREATE INDEX oauth_grants_user_id_idx ON oauth_grants (user_id);
CREATE INDEX oauth_grants_client_id_idx ON oauth_grants (client_id);

CREATE TABLE oauth_codes (
    code_hash      TEXT   NOT NULL PRIMARY KEY CHECK (length(code_hash) = 43),
    grant_id       TEXT   NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    redirect_uri   TEXT   NOT NULL,
    code_challenge TEXT   NOT NULL CHECK (length(code_challenge) = 43),
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    spent_at       BIGINT
);

CREATE INDEX oauth_codes_grant_id_idx ON oauth_codes (grant_id);
CREATE INDEX oauth_codes_expires_at_idx ON oauth_codes (expires_at);

CREATE TABLE oauth_access_tokens (
    token_hash TEXT   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 43),
    grant_id   TEXT   NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    scope      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX oauth_access_tokens_grant_id_idx ON oauth_access_tokens (grant_id);
CREATE INDEX oauth_access_tokens_expires_at_idx ON oauth_access_tokens (expires_at);

CREATE TABLE oauth_refresh_tokens (
    token_hash       TEXT   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 43),
    grant_id         TEXT   NOT NULL REFERENCES oauth_grants (id) ON DELETE CASCADE,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    spent_at         BIGINT,
    successor_hash   TEXT   CHECK (length(successor_hash) = 43),
    successor        TEXT,
    successor_key_id TEXT   REFERENCES encryption_keys (active_id),
    CHECK ((spent_at IS NULL) = (successor_hash IS NULL)),
    CHECK ((successor IS NULL) = (successor_key_id IS NULL))
);

CREATE INDEX oauth_refresh_tokens_grant_id_idx ON oauth_refresh_tokens (grant_id);
CREATE INDEX oauth_refresh_tokens_expires_at_idx ON oauth_refresh_tokens (expires_at);

-- +goose Down
DROP TABLE oauth_refresh_tokens;
DROP TABLE oauth_access_tokens;
DROP TABLE oauth_codes;
DROP TABLE oauth_grants;
