-- name: CreatePersonalGrant :exec
INSERT INTO mcpkeep_grants
    (id, user_id, client_id, scope, resource, provider_checked_at, created_at, activated_at, last_used_at, review_at)
VALUES (@id, @user_id, @client_id, @scope, @resource, CAST(@now AS BIGINT), CAST(@now AS BIGINT), CAST(@now AS BIGINT),
     CAST(@now AS BIGINT), @review_at);

-- name: CreatePersonalToken :exec
INSERT INTO mcpkeep_personal_tokens (grant_id, name, name_key_id, expires_at) VALUES (@grant_id, @name, @name_key_id, @expires_at);

-- name: GetPersonalToken :one
SELECT * FROM mcpkeep_personal_tokens WHERE grant_id = @grant_id;

-- name: CountPersonalTokensOfUser :one
SELECT COUNT(*) FROM mcpkeep_grants g JOIN mcpkeep_personal_tokens t ON t.grant_id = g.id
WHERE g.user_id = @user_id AND g.revoked_at IS NULL AND t.expires_at > CAST(@now AS BIGINT);
