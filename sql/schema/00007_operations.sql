-- What operators and several replicas need of the tables there are.
-- disabled_at: the person may not sign in any more. provider_lease: which
-- replica renews the provider's token just now, and until when. last_used_at:
-- when somebody last signed in with the client; one that nobody ever used is the
-- first to go. value_key_id: the key that this program sealed value with, so
-- that the key cannot be retired meanwhile; another program's rows have none or
-- an outdated one. The indexes find the rows that a key is still needed for.

-- +goose Up
ALTER TABLE oauth_users ADD COLUMN disabled_at BIGINT;
ALTER TABLE oauth_grants ADD COLUMN provider_lease TEXT;
ALTER TABLE oauth_grants ADD COLUMN provider_lease_until BIGINT;
ALTER TABLE oauth_clients ADD COLUMN last_used_at BIGINT;
ALTER TABLE oauth_clients ADD COLUMN value_key_id TEXT REFERENCES encryption_keys (active_id);

CREATE INDEX oauth_clients_unused_idx ON oauth_clients (created_at) WHERE last_used_at IS NULL;
CREATE INDEX oauth_clients_value_key_id_idx ON oauth_clients (value_key_id) WHERE value_key_id IS NOT NULL;
CREATE INDEX oauth_users_password_key_id_idx ON oauth_users (password_key_id) WHERE password_key_id IS NOT NULL;
CREATE INDEX oauth_authorizations_request_key_id_idx ON oauth_authorizations (request_key_id);
CREATE INDEX oauth_grants_provider_token_key_id_idx ON oauth_grants (provider_token_key_id) WHERE provider_token_key_id IS NOT NULL;
CREATE INDEX oauth_refresh_tokens_successor_key_id_idx ON oauth_refresh_tokens (successor_key_id) WHERE successor_key_id IS NOT NULL;

-- +goose Down
DROP INDEX oauth_refresh_tokens_successor_key_id_idx;
DROP INDEX oauth_grants_provider_token_key_id_idx;
DROP INDEX oauth_authorizations_request_key_id_idx;
DROP INDEX oauth_users_password_key_id_idx;
DROP INDEX oauth_clients_value_key_id_idx;
DROP INDEX oauth_clients_unused_idx;
ALTER TABLE oauth_clients DROP COLUMN value_key_id;
ALTER TABLE oauth_clients DROP COLUMN last_used_at;
ALTER TABLE oauth_grants DROP COLUMN provider_lease_until;
ALTER TABLE oauth_grants DROP COLUMN provider_lease;
ALTER TABLE oauth_users DROP COLUMN disabled_at;
