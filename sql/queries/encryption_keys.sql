-- name: CreateEncryptionKey :execrows
INSERT INTO mcpkeep_encryption_keys (id, active_id, canary, created_at)
VALUES (@id, CAST(@id AS TEXT), @canary, @created_at)
ON CONFLICT (id) DO NOTHING;

-- name: GetEncryptionKey :one
SELECT * FROM mcpkeep_encryption_keys WHERE id = @id;

-- name: ListEncryptionKeys :many
SELECT * FROM mcpkeep_encryption_keys ORDER BY created_at, id;

-- name: ListActiveEncryptionKeys :many
SELECT * FROM mcpkeep_encryption_keys WHERE active_id IS NOT NULL ORDER BY created_at, id;

-- name: RetireEncryptionKey :execrows
UPDATE mcpkeep_encryption_keys SET active_id = NULL, retired_at = CAST(@now AS BIGINT)
WHERE id = @id AND active_id IS NOT NULL;
