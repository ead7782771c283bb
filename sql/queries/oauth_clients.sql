-- name: CreateClient :exec
INSERT INTO oauth_clients (key, value, created_at, updated_at, value_key_id)
VALUES (@key, @value, @created_at, @updated_at, @value_key_id);

-- name: UpdateClient :execrows
UPDATE oauth_clients SET value = @value, updated_at = @updated_at, value_key_id = @value_key_id
WHERE key = @key AND CAST(value AS TEXT) = CAST(@previous AS TEXT);

-- name: TouchClient :execrows
UPDATE oauth_clients SET last_used_at = CAST(@now AS BIGINT) WHERE key = @key;

-- name: GetClient :one
SELECT key, value, created_at, updated_at, last_used_at, value_key_id FROM oauth_clients WHERE key = @key;

-- What a look-up needs of a row, and no more: each column costs.
-- name: GetClientValue :one
SELECT value, created_at FROM oauth_clients WHERE key = @key;

-- name: ListClients :many
SELECT key, value, created_at, updated_at, last_used_at, value_key_id FROM oauth_clients
WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:' AND key > @after
ORDER BY key
LIMIT CAST(@max_rows AS BIGINT);

-- name: SampleClients :many
SELECT key, value, created_at, updated_at, last_used_at, value_key_id FROM oauth_clients
WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:'
ORDER BY updated_at DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountClients :one
SELECT COUNT(*) FROM oauth_clients WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:';

-- name: DeleteClient :execrows
DELETE FROM oauth_clients WHERE key = @key;
