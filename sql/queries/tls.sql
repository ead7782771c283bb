-- name: GetTLSValue :one
SELECT value, value_key_id, updated_at FROM mcpkeep_tls
WHERE name = @name;

-- name: PutTLSValue :exec
INSERT INTO mcpkeep_tls (name, value, value_key_id, updated_at)
VALUES (@name, @value, @value_key_id, @now)
ON CONFLICT (name) DO UPDATE
SET value = excluded.value, value_key_id = excluded.value_key_id, updated_at = excluded.updated_at;

-- name: DeleteTLSValue :exec
DELETE FROM mcpkeep_tls WHERE name = @name;

-- name: ListTLSNames :many
SELECT name FROM mcpkeep_tls ORDER BY name;
