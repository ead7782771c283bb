-- People, by (issuer, subject). The profile (login, name, e-mail) is sealed.
-- password is the local provider's argon2id string, sealed as well; its two
-- counters slow guessing down across all replicas.

-- +goose Up
CREATE TABLE oauth_users (
    id                TEXT   NOT NULL PRIMARY KEY,
    issuer            TEXT   NOT NULL,
    subject           TEXT   NOT NULL,
    profile           TEXT   NOT NULL,
    profile_key_id    TEXT   NOT NULL REFERENCES encryption_keys (active_id),
    password          TEXT,
    password_key_id   TEXT   REFERENCES encryption_keys (active_id),
    password_failures BIGINT NOT NULL DEFAULT 0,
    password_retry_at BIGINT NOT NULL DEFAULT 0,
    created_at        BIGINT NOT NULL,
    last_sign_in_at   BIGINT,
    UNIQUE (issuer, subject),
    CHECK ((password IS NULL) = (password_key_id IS NULL))
);

CREATE INDEX oauth_users_profile_key_id_idx ON oauth_users (profile_key_id);

-- +goose Down
DROP TABLE oauth_users;
