-- name: GetClientCount :one
SELECT * FROM client_counts WHERE id = 1;

-- name: LockClientCount :one
UPDATE client_counts SET clients = clients WHERE id = 1 RETURNING *;

-- name: CountOneMoreClient :execrows
UPDATE client_counts SET clients = clients + 1
WHERE id = 1 AND clients < @ceiling AND counted_at > @counted_after;

-- name: AddToClientCount :exec
UPDATE client_counts SET clients = clients + @clients WHERE id = 1 AND counted_at > 0;

-- name: SetClientCount :exec
UPDATE client_counts
SET counted_at = @counted_at, clients = (
    SELECT COUNT(*) FROM oauth_clients c WHERE substr(c.key, 1, 24) = 'mcp-oauth-proxy-clients:')
WHERE id = 1;
