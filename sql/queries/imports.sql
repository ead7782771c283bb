-- Rows of FastMCP that were read from a store outside of the database, and bulk adoption.

-- name: MarkImported :execrows
INSERT INTO mcpkeep_imported_rows (key_hash, imported_at) VALUES (@key_hash, @imported_at) ON CONFLICT (key_hash) DO NOTHING;

-- name: ImportRow :execrows
INSERT INTO oauth_clients (key, value, created_at, updated_at, value_key_id)
VALUES (@key, @value, @created_at, @updated_at, @value_key_id)
ON CONFLICT (key) DO NOTHING;

-- Sessions that a grant was made of, whatever became of it.
-- name: ListAdoptedSessions :many
SELECT CAST(g.upstream_token_id AS TEXT) AS session_id FROM mcpkeep_grants g
WHERE g.upstream_token_id IS NOT NULL AND g.upstream_token_id > CAST(@after AS TEXT)
ORDER BY g.upstream_token_id LIMIT CAST(@max_rows AS BIGINT);
