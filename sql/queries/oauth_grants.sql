-- name: CreateGrant :exec
INSERT INTO oauth_grants
    (id, user_id, client_id, scope, resource, provider_token, provider_token_key_id,
     provider_checked_at, created_at, last_used_at)
VALUES (@id, @user_id, @client_id, @scope, @resource, @provider_token, @provider_token_key_id,
     @provider_checked_at, @created_at, @last_used_at);

-- name: GetGrant :one
SELECT * FROM oauth_grants WHERE id = @id;

-- name: GetProviderGrant :one
SELECT p.* FROM oauth_refresh_tokens r
JOIN oauth_grants g ON g.id = r.grant_id
JOIN oauth_grants p ON p.user_id = g.user_id
WHERE r.token_hash = @token_hash AND p.provider_token IS NOT NULL
ORDER BY p.created_at DESC, p.id DESC
LIMIT 1;

-- name: ActivateGrant :one
UPDATE oauth_grants SET activated_at = CAST(@now AS BIGINT), last_used_at = CAST(@now AS BIGINT)
WHERE id = @id AND revoked_at IS NULL
RETURNING *;

-- name: TouchGrant :one
UPDATE oauth_grants SET last_used_at = CAST(@now AS BIGINT)
WHERE id = @id AND revoked_at IS NULL
RETURNING *;

-- name: ListLiveGrants :many
SELECT g.* FROM oauth_grants g
WHERE g.user_id = @user_id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after
  AND EXISTS (SELECT 1 FROM oauth_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindLiveGrants :many
SELECT g.id, g.user_id, g.client_id, g.scope, g.resource, g.created_at, g.last_used_at,
    u.issuer, u.subject, u.profile, u.profile_key_id
FROM oauth_grants g JOIN oauth_users u ON u.id = g.user_id
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after
  AND (CAST(@id AS TEXT) = '' OR g.id = CAST(@id AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR g.user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR g.client_id = CAST(@client_id AS TEXT))
  AND EXISTS (SELECT 1 FROM oauth_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountLiveGrants :one
SELECT COUNT(*) FROM oauth_grants g
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM oauth_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT));

-- name: CountLiveGrantsOfClient :one
SELECT COUNT(*) FROM oauth_grants g
WHERE g.client_id = @client_id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM oauth_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT));

-- name: StartProviderCheck :execrows
UPDATE oauth_grants
SET provider_lease = CAST(@lease AS TEXT), provider_lease_until = CAST(@until AS BIGINT)
WHERE id = @id AND provider_token IS NOT NULL AND COALESCE(provider_lease, '') = CAST(@previous AS TEXT)
  AND (provider_lease_until IS NULL OR provider_lease_until <= CAST(@now AS BIGINT));

-- name: FinishProviderCheck :one
UPDATE oauth_grants
SET provider_token = COALESCE(sqlc.narg(provider_token), provider_token),
    provider_token_key_id = COALESCE(sqlc.narg(provider_token_key_id), provider_token_key_id),
    provider_checked_at = COALESCE(sqlc.narg(provider_checked_at), provider_checked_at),
    provider_retry_at = sqlc.narg(provider_retry_at),
    provider_lease_until = NULL
WHERE id = @id AND provider_token IS NOT NULL AND provider_lease = CAST(@lease AS TEXT)
  AND provider_lease_until IS NOT NULL
RETURNING *;

-- name: ForgetProviderTokensOf :execrows
UPDATE oauth_grants SET provider_token = NULL, provider_token_key_id = NULL
WHERE provider_token IS NOT NULL AND user_id IN (
    SELECT u.id FROM oauth_users u WHERE u.issuer = @issuer AND u.subject = @subject);

-- name: ListUnneededProviderTokens :many
SELECT id, provider_token, provider_token_key_id FROM oauth_grants t
WHERE t.provider_token IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM oauth_grants g
    WHERE g.user_id = t.user_id AND g.revoked_at IS NULL AND (
        g.created_at > @created_after OR EXISTS (
            SELECT 1 FROM oauth_refresh_tokens r
            WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))))
LIMIT CAST(@max_rows AS BIGINT);

-- name: ForgetProviderToken :execrows
UPDATE oauth_grants SET provider_token = NULL, provider_token_key_id = NULL
WHERE id = @id AND provider_token = CAST(@provider_token AS TEXT);

-- name: RevokeGrant :one
UPDATE oauth_grants SET revoked_at = CAST(@now AS BIGINT)
WHERE id = @id AND revoked_at IS NULL
RETURNING *;

-- name: RevokeGrantOfUser :one
UPDATE oauth_grants SET revoked_at = CAST(@now AS BIGINT)
WHERE id = @id AND user_id = @user_id AND revoked_at IS NULL
RETURNING *;

-- name: RevokeGrantsOfClient :execrows
UPDATE oauth_grants SET revoked_at = CAST(@now AS BIGINT)
WHERE client_id = @client_id AND revoked_at IS NULL;

-- name: RevokeSomeGrantsOfClient :many
UPDATE oauth_grants SET revoked_at = CAST(@now AS BIGINT)
WHERE revoked_at IS NULL AND id IN (
    SELECT g.id FROM oauth_grants g
    WHERE g.client_id = @client_id AND g.revoked_at IS NULL
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING *;

-- name: RevokeSomeGrantsOfUser :many
UPDATE oauth_grants SET revoked_at = CAST(@now AS BIGINT)
WHERE revoked_at IS NULL AND id IN (
    SELECT g.id FROM oauth_grants g
    WHERE g.user_id = @user_id AND g.revoked_at IS NULL
      AND (CAST(@client_id AS TEXT) = '' OR g.client_id = CAST(@client_id AS TEXT))
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING *;

-- name: RevokeGrantsOfUser :execrows
UPDATE oauth_grants SET revoked_at = CAST(@now AS BIGINT)
WHERE user_id = @user_id AND revoked_at IS NULL;

-- name: DeleteDeadGrants :execrows
DELETE FROM oauth_grants WHERE id IN (
    SELECT g.id FROM oauth_grants g
    WHERE g.created_at <= @created_before AND g.provider_token IS NULL
      AND NOT EXISTS (SELECT 1 FROM oauth_codes c WHERE c.grant_id = g.id)
      AND NOT EXISTS (SELECT 1 FROM oauth_access_tokens a WHERE a.grant_id = g.id)
      AND NOT EXISTS (SELECT 1 FROM oauth_refresh_tokens r WHERE r.grant_id = g.id)
    LIMIT CAST(@max_rows AS BIGINT));
