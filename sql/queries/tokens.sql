-- name: CreateCode :exec
INSERT INTO mcpkeep_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)
VALUES (@code_hash, @grant_id, @redirect_uri, @code_challenge, @created_at, @expires_at);

-- name: SpendCode :one
UPDATE mcpkeep_codes SET spent_at = CAST(@now AS BIGINT)
WHERE code_hash = @code_hash AND code_challenge = @code_challenge
  AND (CAST(@redirect_uri AS TEXT) = '' OR redirect_uri = CAST(@redirect_uri AS TEXT) OR redirect_uri = CAST(@normal_uri AS TEXT))
  AND spent_at IS NULL AND expires_at > CAST(@now AS BIGINT)
  AND grant_id IN (SELECT g.id FROM mcpkeep_grants g WHERE g.client_id = @client_id AND g.revoked_at IS NULL)
RETURNING *;

-- name: GetSpentCode :one
SELECT c.* FROM mcpkeep_codes c JOIN mcpkeep_grants g ON g.id = c.grant_id
WHERE c.code_hash = @code_hash AND c.code_challenge = @code_challenge AND g.client_id = @client_id
  AND c.spent_at IS NOT NULL AND c.expires_at > CAST(@now AS BIGINT);

-- name: CreateAccessToken :exec
INSERT INTO mcpkeep_access_tokens (token_hash, grant_id, refresh_hash, scope, created_at, expires_at)
VALUES (@token_hash, @grant_id, @refresh_hash, @scope, @created_at, @expires_at);

-- name: GetAccess :one
SELECT t.scope, t.created_at, t.expires_at, g.id AS grant_id, g.client_id, g.resource, g.last_used_at,
       u.id AS user_id, u.issuer, u.subject, u.profile, u.profile_key_id,
       p.provider_checked_at, p.provider_retry_at, r.token_hash AS unused_pair
FROM mcpkeep_access_tokens t
JOIN mcpkeep_grants g ON g.id = t.grant_id
JOIN mcpkeep_users u ON u.id = g.user_id
LEFT JOIN mcpkeep_grants p ON p.id = (
    SELECT n.id FROM mcpkeep_grants n
    WHERE n.user_id = g.user_id AND n.provider_token IS NOT NULL
    ORDER BY n.created_at DESC, n.id DESC
    LIMIT 1)
LEFT JOIN mcpkeep_refresh_tokens r ON r.token_hash = t.refresh_hash AND r.use_tracked AND r.first_used_at IS NULL
WHERE t.token_hash = @token_hash AND t.expires_at > @now AND g.revoked_at IS NULL;

-- name: DeleteAccessTokenOfClient :one
DELETE FROM mcpkeep_access_tokens
WHERE token_hash = @token_hash
  AND grant_id IN (SELECT g.id FROM mcpkeep_grants g WHERE g.client_id = @client_id)
RETURNING grant_id, refresh_hash;

-- name: CreateRefreshToken :exec
INSERT INTO mcpkeep_refresh_tokens (token_hash, grant_id, created_at, expires_at, use_tracked)
VALUES (@token_hash, @grant_id, @created_at, @expires_at, @use_tracked);

-- name: UseTokens :execrows
UPDATE mcpkeep_refresh_tokens SET first_used_at = CAST(@now AS BIGINT)
WHERE token_hash = @token_hash AND use_tracked AND first_used_at IS NULL;

-- name: SpendRefreshToken :one
UPDATE mcpkeep_refresh_tokens
SET spent_at = CAST(@now AS BIGINT), first_used_at = COALESCE(first_used_at, CAST(@now AS BIGINT)), successor_hash = CAST(@successor_hash AS TEXT),
    successor = CAST(@successor AS TEXT), successor_key_id = CAST(@successor_key_id AS TEXT)
WHERE token_hash = @token_hash AND spent_at IS NULL AND expires_at > CAST(@now AS BIGINT)
  AND grant_id IN (SELECT g.id FROM mcpkeep_grants g WHERE g.client_id = @client_id AND g.revoked_at IS NULL)
RETURNING *;

-- name: GetRefreshToken :one
SELECT r.* FROM mcpkeep_refresh_tokens r JOIN mcpkeep_grants g ON g.id = r.grant_id
WHERE r.token_hash = @token_hash AND g.client_id = @client_id AND r.expires_at > @now AND g.revoked_at IS NULL;

-- name: GetSuccessor :one
SELECT * FROM mcpkeep_refresh_tokens WHERE token_hash = @token_hash;

-- name: RenewSuccessor :execrows
UPDATE mcpkeep_refresh_tokens SET successor = CAST(@successor AS TEXT), successor_key_id = CAST(@successor_key_id AS TEXT)
WHERE token_hash = @token_hash;

-- A successor whose use is recorded stays while it is unused, and for the window after
-- that; no other one stays for longer than the window.
-- name: ForgetSuccessors :execrows
UPDATE mcpkeep_refresh_tokens SET successor = NULL, successor_key_id = NULL
WHERE token_hash IN (
    SELECT r.token_hash FROM mcpkeep_refresh_tokens r
    WHERE r.successor_key_id IS NOT NULL AND r.spent_at <= CAST(@used_before AS BIGINT)
      AND (r.spent_at <= CAST(@spent_before AS BIGINT) OR NOT EXISTS (
        SELECT 1 FROM mcpkeep_refresh_tokens n
        WHERE n.token_hash = r.successor_hash AND n.use_tracked
          AND (n.first_used_at IS NULL OR n.first_used_at > CAST(@used_before AS BIGINT))))
    ORDER BY r.spent_at
    LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteExpiredCodes :execrows
DELETE FROM mcpkeep_codes WHERE code_hash IN (
    SELECT c.code_hash FROM mcpkeep_codes c WHERE c.expires_at <= @now ORDER BY c.expires_at LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteExpiredAccessTokens :execrows
DELETE FROM mcpkeep_access_tokens WHERE token_hash IN (
    SELECT a.token_hash FROM mcpkeep_access_tokens a WHERE a.expires_at <= @now ORDER BY a.expires_at LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteExpiredRefreshTokens :execrows
DELETE FROM mcpkeep_refresh_tokens WHERE token_hash IN (
    SELECT r.token_hash FROM mcpkeep_refresh_tokens r WHERE r.expires_at <= @now ORDER BY r.expires_at LIMIT CAST(@max_rows AS BIGINT));
