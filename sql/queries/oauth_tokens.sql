-- name: CreateCode :exec
INSERT INTO oauth_codes (code_hash, grant_id, redirect_uri, code_challenge, created_at, expires_at)
VALUES (@code_hash, @grant_id, @redirect_uri, @code_challenge, @created_at, @expires_at);

-- name: SpendCode :one
UPDATE oauth_codes SET spent_at = CAST(@now AS BIGINT)
WHERE code_hash = @code_hash AND code_challenge = @code_challenge
  AND (CAST(@redirect_uri AS TEXT) = '' OR redirect_uri = CAST(@redirect_uri AS TEXT))
  AND spent_at IS NULL AND expires_at > CAST(@now AS BIGINT)
  AND grant_id IN (SELECT g.id FROM oauth_grants g WHERE g.client_id = @client_id AND g.revoked_at IS NULL)
RETURNING *;

-- name: GetSpentCode :one
SELECT c.* FROM oauth_codes c JOIN oauth_grants g ON g.id = c.grant_id
WHERE c.code_hash = @code_hash AND c.code_challenge = @code_challenge AND g.client_id = @client_id
  AND c.spent_at IS NOT NULL AND c.expires_at > CAST(@now AS BIGINT);

-- name: CreateAccessToken :exec
INSERT INTO oauth_access_tokens (token_hash, grant_id, scope, created_at, expires_at)
VALUES (@token_hash, @grant_id, @scope, @created_at, @expires_at);

-- name: GetAccess :one
SELECT t.scope, t.created_at, t.expires_at, g.id AS grant_id, g.client_id, g.resource, g.last_used_at,
       u.id AS user_id, u.issuer, u.subject, u.profile, u.profile_key_id
FROM oauth_access_tokens t
JOIN oauth_grants g ON g.id = t.grant_id
JOIN oauth_users u ON u.id = g.user_id
WHERE t.token_hash = @token_hash AND t.expires_at > @now AND g.revoked_at IS NULL;

-- name: DeleteAccessTokenOfClient :one
DELETE FROM oauth_access_tokens
WHERE token_hash = @token_hash
  AND grant_id IN (SELECT g.id FROM oauth_grants g WHERE g.client_id = @client_id)
RETURNING grant_id;

-- name: CreateRefreshToken :exec
INSERT INTO oauth_refresh_tokens (token_hash, grant_id, created_at, expires_at)
VALUES (@token_hash, @grant_id, @created_at, @expires_at);

-- name: SpendRefreshToken :one
UPDATE oauth_refresh_tokens
SET spent_at = CAST(@now AS BIGINT), successor_hash = CAST(@successor_hash AS TEXT),
    successor = CAST(@successor AS TEXT), successor_key_id = CAST(@successor_key_id AS TEXT)
WHERE token_hash = @token_hash AND spent_at IS NULL AND expires_at > CAST(@now AS BIGINT)
  AND grant_id IN (SELECT g.id FROM oauth_grants g WHERE g.client_id = @client_id AND g.revoked_at IS NULL)
RETURNING *;

-- name: GetRefreshToken :one
SELECT r.* FROM oauth_refresh_tokens r JOIN oauth_grants g ON g.id = r.grant_id
WHERE r.token_hash = @token_hash AND g.client_id = @client_id AND r.expires_at > @now AND g.revoked_at IS NULL;

-- name: ForgetSuccessors :execrows
UPDATE oauth_refresh_tokens SET successor = NULL, successor_key_id = NULL
WHERE token_hash IN (
    SELECT r.token_hash FROM oauth_refresh_tokens r
    WHERE r.successor IS NOT NULL AND r.spent_at <= CAST(@spent_before AS BIGINT)
    LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteExpiredCodes :execrows
DELETE FROM oauth_codes WHERE code_hash IN (
    SELECT c.code_hash FROM oauth_codes c WHERE c.expires_at <= @now LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteExpiredAccessTokens :execrows
DELETE FROM oauth_access_tokens WHERE token_hash IN (
    SELECT a.token_hash FROM oauth_access_tokens a WHERE a.expires_at <= @now LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteExpiredRefreshTokens :execrows
DELETE FROM oauth_refresh_tokens WHERE token_hash IN (
    SELECT r.token_hash FROM oauth_refresh_tokens r WHERE r.expires_at <= @now LIMIT CAST(@max_rows AS BIGINT));
