-- Sign-ins in flight, bound to a browser by the hash of its cookie. request is
-- sealed: the client's request and the provider's PKCE verifier and nonce.
-- A finished row stays until it expires: finished is not unknown.

-- +goose Up
CREATE TABLE oauth_authorizations (
    id             TEXT   NOT NULL PRIMARY KEY,
    client_id      TEXT   NOT NULL,
    browser_hash   TEXT   NOT NULL CHECK (length(browser_hash) = 43),
    state_hash     TEXT   UNIQUE CHECK (length(state_hash) = 43),
    request        TEXT   NOT NULL,
    request_key_id TEXT   NOT NULL REFERENCES encryption_keys (active_id),
    user_id        TEXT   REFERENCES oauth_users (id),
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    finished_at    BIGINT
);

CREATE INDEX oauth_authorizations_expires_at_idx ON oauth_authorizations (expires_at);

-- +goose Down
DROP TABLE oauth_authorizations;
