-- Rows of FastMCP's other collections are in oauth_clients, next to the clients.

-- Without the columns of ours: a report reads the table before they are there.
-- name: ListRowsOfFastMCP :many
SELECT key, value, created_at FROM oauth_clients
WHERE key > @after
ORDER BY key
LIMIT CAST(@max_rows AS BIGINT);

-- name: PutSharedRow :exec
INSERT INTO oauth_clients (key, value, created_at, updated_at, value_key_id)
VALUES (@key, @value, @created_at, @updated_at, @value_key_id)
ON CONFLICT (key) DO UPDATE
SET value = excluded.value, updated_at = excluded.updated_at, value_key_id = excluded.value_key_id;

-- name: DeleteSharedRow :execrows
DELETE FROM oauth_clients WHERE key = @key;

-- name: ReplaceSharedRow :execrows
UPDATE oauth_clients SET value = @value, updated_at = @updated_at, value_key_id = @value_key_id WHERE key = @key;

-- name: GetAdoptedGrant :one
SELECT * FROM mcpkeep_grants WHERE upstream_token_id = CAST(@upstream_token_id AS TEXT);

-- name: GetAdoption :one
SELECT * FROM mcpkeep_adoptions WHERE upstream_token_id = @upstream_token_id;

-- One attempt at a time. One that was abandoned may have used up the provider's token. The
-- numbers are storage.LongestLease and LongestRest: sqlc finds no parameter there.
-- name: StartAdoption :one
INSERT INTO mcpkeep_adoptions (upstream_token_id, lease, lease_until, began_at)
VALUES (@upstream_token_id, @lease, CAST(@until AS BIGINT), @now)
ON CONFLICT (upstream_token_id) DO UPDATE
SET lease = excluded.lease, lease_until = excluded.lease_until,
    doubtful = mcpkeep_adoptions.doubtful OR mcpkeep_adoptions.lease_until IS NOT NULL
WHERE (mcpkeep_adoptions.lease_until IS NULL OR mcpkeep_adoptions.lease_until <= excluded.began_at
       OR mcpkeep_adoptions.lease_until > excluded.began_at + 120)
  AND (mcpkeep_adoptions.retry_at IS NULL OR mcpkeep_adoptions.retry_at <= excluded.began_at
       OR mcpkeep_adoptions.retry_at > excluded.began_at + 3660)
RETURNING *;

-- name: EndAdoption :execrows
UPDATE mcpkeep_adoptions
SET lease_until = NULL, doubtful = @doubtful, retry_at = sqlc.narg(retry_at), refused_at = sqlc.narg(refused_at)
WHERE upstream_token_id = @upstream_token_id AND lease = @lease AND lease_until IS NOT NULL;

-- name: CompleteAdoption :execrows
DELETE FROM mcpkeep_adoptions WHERE upstream_token_id = @upstream_token_id AND lease = @lease AND lease_until IS NOT NULL;

-- name: DeleteOldAdoptions :execrows
DELETE FROM mcpkeep_adoptions WHERE upstream_token_id IN (
    SELECT a.upstream_token_id FROM mcpkeep_adoptions a
    WHERE a.began_at <= @began_until ORDER BY a.began_at LIMIT CAST(@max_rows AS BIGINT));

-- name: CreateAdoptedGrant :exec
INSERT INTO mcpkeep_grants
    (id, user_id, client_id, scope, resource, provider_token, provider_token_key_id, provider_checked_at,
     created_at, activated_at, last_used_at, review_at, upstream_token_id)
VALUES (@id, @user_id, @client_id, @scope, @resource, @provider_token, @provider_token_key_id, CAST(@now AS BIGINT),
     @created_at, CAST(@now AS BIGINT), CAST(@now AS BIGINT), @review_at, CAST(@upstream_token_id AS TEXT));

-- A grant of which nothing was left, when another token of its session comes.
-- name: ReopenAdoptedGrant :execrows
UPDATE mcpkeep_grants
SET provider_token = CAST(@provider_token AS TEXT), provider_token_key_id = CAST(@provider_token_key_id AS TEXT),
    provider_checked_at = CAST(@now AS BIGINT), closed_at = NULL, last_used_at = CAST(@now AS BIGINT), review_at = @review_at
WHERE id = @id AND revoked_at IS NULL AND closed_at IS NOT NULL;

-- name: CreateAdoptedToken :execrows
INSERT INTO mcpkeep_adopted_tokens (token_hash, grant_id, jti) VALUES (@token_hash, @grant_id, @jti)
ON CONFLICT (token_hash) DO NOTHING;

-- name: GetAdoptedToken :one
SELECT * FROM mcpkeep_adopted_tokens WHERE token_hash = @token_hash;

-- name: ListAdoptedTokens :many
SELECT * FROM mcpkeep_adopted_tokens WHERE grant_id = @grant_id ORDER BY jti;

-- name: CreateAccessTokenOnce :execrows
INSERT INTO mcpkeep_access_tokens (token_hash, grant_id, scope, created_at, expires_at)
VALUES (@token_hash, @grant_id, @scope, @created_at, @expires_at)
ON CONFLICT (token_hash) DO NOTHING;

-- Also extends one that is there.
-- name: KeepRefreshToken :execrows
INSERT INTO mcpkeep_refresh_tokens (token_hash, grant_id, created_at, expires_at)
VALUES (@token_hash, @grant_id, @created_at, @expires_at)
ON CONFLICT (token_hash) DO UPDATE SET expires_at = CASE
    WHEN excluded.expires_at > mcpkeep_refresh_tokens.expires_at THEN excluded.expires_at ELSE mcpkeep_refresh_tokens.expires_at END;

-- name: ListEndedSessionsOfClient :many
SELECT id, CAST(upstream_token_id AS TEXT) AS upstream_token_id FROM mcpkeep_grants
WHERE client_id = @client_id AND upstream_token_id IS NOT NULL AND revoked_at >= CAST(@now AS BIGINT)
ORDER BY id;

-- name: ListEndedSessionsOfUser :many
SELECT id, CAST(upstream_token_id AS TEXT) AS upstream_token_id FROM mcpkeep_grants
WHERE user_id = @user_id AND upstream_token_id IS NOT NULL AND revoked_at >= CAST(@now AS BIGINT)
ORDER BY id;

-- When this program first started on the database: 0 for never.
-- name: GetFirstStart :one
SELECT CAST(COALESCE(MIN(created_at), 0) AS BIGINT) FROM mcpkeep_encryption_keys;
