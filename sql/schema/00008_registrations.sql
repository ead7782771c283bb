-- How many clients may register. unused_since: since when a client that registered
-- by itself has waited for somebody to sign in with it; such a client may be
-- forgotten. It is null for every other one: used, made by an operator, or another
-- program's. client_counts has one row, the number of clients, kept while a ceiling
-- is set: counting a million rows at each registration would take too long.
-- counted_at is when it was last held against the table; 0 is never.

-- +goose Up
ALTER TABLE oauth_clients ADD COLUMN unused_since BIGINT;

DROP INDEX oauth_clients_unused_idx;
CREATE INDEX oauth_clients_unused_since_idx ON oauth_clients (unused_since) WHERE unused_since IS NOT NULL;
CREATE INDEX oauth_authorizations_client_id_idx ON oauth_authorizations (client_id);

CREATE TABLE client_counts (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    clients    BIGINT NOT NULL,
    counted_at BIGINT NOT NULL
);
INSERT INTO client_counts (id, clients, counted_at) VALUES (1, 0, 0);

-- +goose Down
DROP TABLE client_counts;
DROP INDEX oauth_authorizations_client_id_idx;
DROP INDEX oauth_clients_unused_since_idx;
CREATE INDEX oauth_clients_unused_idx ON oauth_clients (created_at) WHERE last_used_at IS NULL;
ALTER TABLE oauth_clients DROP COLUMN unused_since;
