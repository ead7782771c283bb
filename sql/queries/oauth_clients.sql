-- name: CreateClient :exec
INSERT INTO oauth_clients (key, value, created_at, updated_at)
VALUES (@key, @value, @created_at, @updated_at);

-- name: GetClient :one
SELECT key, value, created_at, updated_at FROM oauth_clients WHERE key = @key;

-- name: ListClients :many
SELECT key, value, created_at, updated_at FROM oauth_clients
WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:' AND key > @after
ORDER BY key
LIMIT CAST(@max_rows AS BIGINT);

-- name: SampleClients :many
SELECT key, value, created_at, updated_at FROM oauth_clients
WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:'
ORDER BY updated_at DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountClients :one
SELECT COUNT(*) FROM oauth_clients WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:';

-- name: DeleteClient :execrows
DELETE FROM oauth_clients WHERE key = @key;
