-- Every Fernet key ever used, by id, with a canary that only the key opens.
-- Sealed columns refer to active_id: retiring a key clears it, which the
-- foreign keys refuse while any row still needs the key.

-- +goose Up
CREATE TABLE encryption_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    active_id  TEXT   UNIQUE,
    canary     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    CHECK (active_id IS NULL OR active_id = id),
    CHECK ((active_id IS NULL) = (retired_at IS NOT NULL))
);

-- +goose Down
DROP TABLE encryption_keys;
