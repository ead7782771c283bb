-- name: ListSigningKeys :many
SELECT * FROM mcpkeep_signing_keys ORDER BY number;

-- name: AddSigningKey :exec
INSERT INTO mcpkeep_signing_keys (id, number, private_key, private_key_key_id, created_at, signs_at)
VALUES (@id, @number, @private_key, @private_key_key_id, @created_at, @signs_at)
ON CONFLICT (number) DO NOTHING;

-- name: DropSigningKeys :exec
DELETE FROM mcpkeep_signing_keys WHERE number <= @through;
