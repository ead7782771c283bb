-- name: CreateGrant :exec
INSERT INTO mcpkeep_grants
    (id, user_id, client_id, scope, resource, redirect_uri, provider_token, provider_token_key_id,
     provider_checked_at, created_at, last_used_at, review_at)
VALUES (@id, @user_id, @client_id, @scope, @resource, @redirect_uri, @provider_token, @provider_token_key_id,
     @provider_checked_at, @created_at, @last_used_at, @review_at);

-- name: GetGrant :one
SELECT * FROM mcpkeep_grants WHERE id = @id;

-- name: GetProviderGrant :one
SELECT p.* FROM mcpkeep_refresh_tokens r
JOIN mcpkeep_grants g ON g.id = r.grant_id
JOIN mcpkeep_grants p ON p.user_id = g.user_id
WHERE r.token_hash = @token_hash AND p.provider_token IS NOT NULL
ORDER BY p.created_at DESC, p.id DESC
LIMIT 1;

-- name: GetProviderGrantOfGrant :one
SELECT p.* FROM mcpkeep_grants g
JOIN mcpkeep_grants p ON p.user_id = g.user_id
WHERE g.id = @grant_id AND p.provider_token IS NOT NULL
ORDER BY p.created_at DESC, p.id DESC
LIMIT 1;

-- name: GetProviderGrantOfUser :one
SELECT g.* FROM mcpkeep_grants g
WHERE g.user_id = @user_id AND g.provider_token IS NOT NULL
ORDER BY g.created_at DESC, g.id DESC
LIMIT 1;

-- A sign-in at a page has brought a newer token. Checks under way, and those that others are
-- about to start, are about the older one: another lease ends them.
-- name: ReplaceProviderToken :execrows
UPDATE mcpkeep_grants
SET provider_token = CAST(@provider_token AS TEXT), provider_token_key_id = CAST(@provider_token_key_id AS TEXT),
    provider_checked_at = CAST(@now AS BIGINT), provider_retry_at = NULL,
    provider_lease = CAST(@lease AS TEXT), provider_lease_until = NULL
WHERE id = @id AND provider_token IS NOT NULL;

-- name: ActivateGrant :one
UPDATE mcpkeep_grants SET activated_at = CAST(@now AS BIGINT), last_used_at = CAST(@now AS BIGINT)
WHERE id = @id AND revoked_at IS NULL
RETURNING *;

-- A grant that is used again was not replaced.
-- name: TouchGrant :one
UPDATE mcpkeep_grants SET last_used_at = CAST(@now AS BIGINT), replaced_by = NULL, replaced_at = NULL
WHERE id = @id AND revoked_at IS NULL
RETURNING *;

-- name: ListLiveGrants :many
SELECT g.* FROM mcpkeep_grants g
WHERE g.user_id = @user_id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindLiveGrants :many
SELECT g.id, g.user_id, g.client_id, g.scope, g.resource, g.created_at, g.last_used_at, g.replaced_at, g.upstream_token_id,
    u.issuer, u.subject, u.profile, u.profile_key_id
FROM mcpkeep_grants g JOIN mcpkeep_users u ON u.id = g.user_id
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindLiveGrant :many
SELECT g.id, g.user_id, g.client_id, g.scope, g.resource, g.created_at, g.last_used_at, g.replaced_at, g.upstream_token_id,
    u.issuer, u.subject, u.profile, u.profile_key_id
FROM mcpkeep_grants g JOIN mcpkeep_users u ON u.id = g.user_id
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after AND g.id = @id
  AND (CAST(@user_id AS TEXT) = '' OR g.user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR g.client_id = CAST(@client_id AS TEXT))
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindLiveGrantsOfUser :many
SELECT g.id, g.user_id, g.client_id, g.scope, g.resource, g.created_at, g.last_used_at, g.replaced_at, g.upstream_token_id,
    u.issuer, u.subject, u.profile, u.profile_key_id
FROM mcpkeep_grants g JOIN mcpkeep_users u ON u.id = g.user_id
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after AND g.user_id = @user_id
  AND (CAST(@client_id AS TEXT) = '' OR g.client_id = CAST(@client_id AS TEXT))
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindLiveGrantsOfClient :many
SELECT g.id, g.user_id, g.client_id, g.scope, g.resource, g.created_at, g.last_used_at, g.replaced_at, g.upstream_token_id,
    u.issuer, u.subject, u.profile, u.profile_key_id
FROM mcpkeep_grants g JOIN mcpkeep_users u ON u.id = g.user_id
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL AND g.id > @after AND g.client_id = @client_id
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- Grants that a person approved, or that got tokens, since a time.
-- name: ListGrantsSince :many
SELECT g.id FROM mcpkeep_grants g
WHERE g.revoked_at IS NULL AND g.id > @after
  AND (CAST(@user_id AS TEXT) = '' OR g.user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR g.client_id = CAST(@client_id AS TEXT))
  AND (g.created_at >= CAST(@since AS BIGINT)
    OR EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r WHERE r.grant_id = g.id AND r.created_at >= CAST(@since AS BIGINT))
    OR EXISTS (SELECT 1 FROM mcpkeep_access_tokens a WHERE a.grant_id = g.id AND a.created_at >= CAST(@since AS BIGINT)))
ORDER BY g.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountLiveGrants :one
SELECT COUNT(*) FROM mcpkeep_grants g
WHERE g.revoked_at IS NULL AND g.activated_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT));

-- name: CountLiveGrantsOfClient :one
SELECT COUNT(*) FROM mcpkeep_grants g
WHERE g.client_id = @client_id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
              WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT));

-- name: StartProviderCheck :execrows
UPDATE mcpkeep_grants
SET provider_lease = CAST(@lease AS TEXT), provider_lease_until = CAST(@until AS BIGINT)
WHERE id = @id AND provider_token IS NOT NULL AND COALESCE(provider_lease, '') = CAST(@previous AS TEXT)
  AND (provider_lease_until IS NULL OR provider_lease_until <= CAST(@now AS BIGINT) OR provider_lease_until > CAST(@latest AS BIGINT));

-- name: ExtendProviderCheck :execrows
UPDATE mcpkeep_grants SET provider_lease_until = CAST(@until AS BIGINT)
WHERE id = @id AND provider_token IS NOT NULL AND provider_lease = CAST(@lease AS TEXT)
  AND provider_lease_until IS NOT NULL;

-- name: FinishProviderCheck :one
UPDATE mcpkeep_grants
SET provider_token = COALESCE(sqlc.narg(provider_token), provider_token),
    provider_token_key_id = COALESCE(sqlc.narg(provider_token_key_id), provider_token_key_id),
    provider_checked_at = COALESCE(sqlc.narg(provider_checked_at), provider_checked_at),
    provider_retry_at = sqlc.narg(provider_retry_at),
    provider_lease_until = NULL
WHERE id = @id AND provider_token IS NOT NULL AND provider_lease = CAST(@lease AS TEXT)
  AND provider_lease_until IS NOT NULL
RETURNING *;

-- name: ForgetProviderTokensOf :execrows
UPDATE mcpkeep_grants SET provider_token = NULL, provider_token_key_id = NULL
WHERE provider_token IS NOT NULL AND user_id IN (
    SELECT u.id FROM mcpkeep_users u WHERE u.issuer = @issuer AND u.subject = @subject);

-- The cleaner looks at a grant when it may have ended, and not at every grant every
-- time. live_until is when its unspent refresh token expires, 0 for one that has ended.
-- name: ListGrantsToReview :many
SELECT g.id, g.user_id, g.review_at,
    CAST(CASE WHEN g.revoked_at IS NULL THEN COALESCE((
        SELECT MAX(l.expires_at) FROM mcpkeep_refresh_tokens l
        WHERE l.grant_id = g.id AND l.spent_at IS NULL AND l.expires_at > CAST(@now AS BIGINT)), 0) ELSE 0 END AS BIGINT) AS live_until,
    CAST(COALESCE((SELECT MAX(c.expires_at) FROM mcpkeep_codes c WHERE c.grant_id = g.id), 0) AS BIGINT) AS code_until,
    CAST(COALESCE((SELECT MAX(a.expires_at) FROM mcpkeep_access_tokens a WHERE a.grant_id = g.id), 0) AS BIGINT) AS access_until,
    CAST(COALESCE((SELECT MAX(r.expires_at) FROM mcpkeep_refresh_tokens r WHERE r.grant_id = g.id), 0) AS BIGINT) AS refresh_until
FROM mcpkeep_grants g
WHERE g.closed_at IS NULL AND g.review_at <= CAST(@now AS BIGINT)
ORDER BY g.review_at
LIMIT CAST(@max_rows AS BIGINT);

-- name: PostponeGrantReview :execrows
UPDATE mcpkeep_grants SET review_at = CAST(@next AS BIGINT)
WHERE id = @id AND closed_at IS NULL AND review_at = CAST(@seen AS BIGINT);

-- A refresh may have come between the look and this.
-- name: CloseGrant :execrows
UPDATE mcpkeep_grants SET closed_at = CAST(@now AS BIGINT), review_at = CAST(@next AS BIGINT)
WHERE mcpkeep_grants.id = @id AND mcpkeep_grants.closed_at IS NULL AND (mcpkeep_grants.revoked_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM mcpkeep_refresh_tokens r
    WHERE r.grant_id = CAST(@id AS TEXT) AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT)));

-- name: ListUnneededProviderTokens :many
SELECT t.id, t.provider_token, t.provider_token_key_id, t.upstream_token_id, t.revoked_at FROM mcpkeep_grants t
WHERE t.user_id = CAST(@user_id AS TEXT) AND t.provider_token IS NOT NULL
  AND NOT EXISTS (
    SELECT 1 FROM mcpkeep_grants n
    WHERE n.user_id = CAST(@user_id AS TEXT) AND n.revoked_at IS NULL AND n.created_at > CAST(@created_after AS BIGINT))
  AND NOT EXISTS (
    SELECT 1 FROM mcpkeep_grants g JOIN mcpkeep_refresh_tokens r ON r.grant_id = g.id
    WHERE g.user_id = CAST(@user_id AS TEXT) AND g.revoked_at IS NULL
      AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT));

-- name: ForgetProviderToken :execrows
UPDATE mcpkeep_grants SET provider_token = NULL, provider_token_key_id = NULL
WHERE id = @id AND provider_token = CAST(@provider_token AS TEXT);

-- Earlier grants only, so that of two that are redeemed concurrently the newer one
-- replaces the other. A mark keeps its time: apps that sign in every day would renew it.
-- name: ReplaceGrants :execrows
UPDATE mcpkeep_grants SET replaced_by = CAST(@id AS TEXT), replaced_at = CAST(@now AS BIGINT)
WHERE user_id = @user_id AND client_id = @client_id AND resource = @resource AND redirect_uri = CAST(@redirect_uri AS TEXT)
  AND revoked_at IS NULL AND closed_at IS NULL AND replaced_at IS NULL
  AND (created_at < CAST(@created_at AS BIGINT) OR created_at = CAST(@created_at AS BIGINT) AND id < CAST(@id AS TEXT));

-- name: RevokeReplacedGrants :many
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT), review_at = CAST(@now AS BIGINT)
WHERE revoked_at IS NULL AND replaced_at IS NOT NULL AND id IN (
    SELECT g.id FROM mcpkeep_grants g
    WHERE g.replaced_at IS NOT NULL AND g.replaced_at <= CAST(@replaced_before AS BIGINT)
      AND g.revoked_at IS NULL AND g.closed_at IS NULL
    ORDER BY g.replaced_at
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING *;

-- name: RevokeGrant :one
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT),
    review_at = CASE WHEN closed_at IS NULL THEN CAST(@now AS BIGINT) ELSE review_at END
WHERE id = @id AND revoked_at IS NULL
RETURNING *;

-- name: RevokeGrantOfUser :one
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT),
    review_at = CASE WHEN closed_at IS NULL THEN CAST(@now AS BIGINT) ELSE review_at END
WHERE id = @id AND user_id = @user_id AND revoked_at IS NULL
RETURNING *;

-- name: RevokeGrantsOfClient :execrows
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT),
    review_at = CASE WHEN closed_at IS NULL THEN CAST(@now AS BIGINT) ELSE review_at END
WHERE client_id = @client_id AND revoked_at IS NULL;

-- name: RevokeSomeGrantsOfClient :many
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT),
    review_at = CASE WHEN closed_at IS NULL THEN CAST(@now AS BIGINT) ELSE review_at END
WHERE revoked_at IS NULL AND id IN (
    SELECT g.id FROM mcpkeep_grants g
    WHERE g.client_id = @client_id AND g.revoked_at IS NULL
    ORDER BY g.id
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING *;

-- name: RevokeSomeGrantsOfUser :many
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT),
    review_at = CASE WHEN closed_at IS NULL THEN CAST(@now AS BIGINT) ELSE review_at END
WHERE revoked_at IS NULL AND id IN (
    SELECT g.id FROM mcpkeep_grants g
    WHERE g.user_id = @user_id AND g.revoked_at IS NULL
      AND (CAST(@client_id AS TEXT) = '' OR g.client_id = CAST(@client_id AS TEXT))
    ORDER BY g.id
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING *;

-- name: RevokeGrantsOfUser :execrows
UPDATE mcpkeep_grants SET revoked_at = CAST(@now AS BIGINT),
    review_at = CASE WHEN closed_at IS NULL THEN CAST(@now AS BIGINT) ELSE review_at END
WHERE user_id = @user_id AND revoked_at IS NULL;

-- name: DeleteDeadGrants :execrows
DELETE FROM mcpkeep_grants WHERE id IN (
    SELECT g.id FROM mcpkeep_grants g
    WHERE g.closed_at IS NOT NULL AND g.provider_token_key_id IS NULL AND g.review_at <= @now
      AND NOT EXISTS (SELECT 1 FROM mcpkeep_codes c WHERE c.grant_id = g.id)
      AND NOT EXISTS (SELECT 1 FROM mcpkeep_access_tokens a WHERE a.grant_id = g.id)
      AND NOT EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r WHERE r.grant_id = g.id)
    ORDER BY g.review_at
    LIMIT CAST(@max_rows AS BIGINT));
