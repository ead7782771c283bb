-- name: CreateAuthorization :exec
INSERT INTO oauth_authorizations
    (id, client_id, browser_hash, state_hash, request, request_key_id, user_id, created_at, expires_at)
VALUES (@id, @client_id, @browser_hash, @state_hash, @request, @request_key_id, @user_id, @created_at, @expires_at);

-- name: GetAuthorization :one
SELECT * FROM oauth_authorizations WHERE id = @id AND expires_at > @now;

-- name: GetAuthorizationByState :one
SELECT * FROM oauth_authorizations WHERE state_hash = CAST(@state_hash AS TEXT) AND expires_at > @now;

-- name: FinishAuthorization :one
UPDATE oauth_authorizations SET finished_at = CAST(@now AS BIGINT)
WHERE id = @id AND browser_hash = @browser_hash AND finished_at IS NULL AND expires_at > CAST(@now AS BIGINT)
RETURNING *;

-- name: DeleteExpiredAuthorizations :execrows
DELETE FROM oauth_authorizations WHERE id IN (
    SELECT a.id FROM oauth_authorizations a WHERE a.expires_at <= @now LIMIT CAST(@max_rows AS BIGINT));
