-- The audit trail: who did what, about which person, client and grant, when.
-- Rows are only ever added, in the transaction of the step that they tell of,
-- and deleted when they are old. They hold no secret and refer to nothing, so
-- that they outlive what they tell of. Ids sort by time (UUID version 7).

-- +goose Up
CREATE TABLE events (
    id         TEXT   NOT NULL PRIMARY KEY,
    type       TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    user_id    TEXT,
    client_id  TEXT,
    grant_id   TEXT,
    reference  TEXT,
    detail     TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX events_created_at_idx ON events (created_at);
CREATE INDEX events_user_id_idx ON events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX events_client_id_idx ON events (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX events_grant_id_idx ON events (grant_id, id) WHERE grant_id IS NOT NULL;

-- +goose Down
DROP TABLE events;
