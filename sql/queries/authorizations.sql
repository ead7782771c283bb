-- name: CreateAuthorization :exec
INSERT INTO mcpkeep_authorizations
    (id, client_id, browser_hash, state_hash, request, request_key_id, user_id, created_at, expires_at)
VALUES (@id, @client_id, @browser_hash, @state_hash, @request, @request_key_id, @user_id, @created_at, @expires_at);

-- name: GetAuthorization :one
SELECT * FROM mcpkeep_authorizations WHERE id = @id AND expires_at > @now;

-- name: GetAuthorizationByState :one
SELECT * FROM mcpkeep_authorizations WHERE state_hash = CAST(@state_hash AS TEXT) AND expires_at > @now;

-- name: ChangeAuthorization :execrows
UPDATE mcpkeep_authorizations SET request = @request, request_key_id = @request_key_id
WHERE id = @id AND request = @old_request;

-- name: FinishAuthorization :one
UPDATE mcpkeep_authorizations SET finished_at = CAST(@now AS BIGINT)
WHERE id = @id AND browser_hash = @browser_hash AND finished_at IS NULL AND expires_at > CAST(@now AS BIGINT)
RETURNING *;

-- name: DeleteExpiredAuthorizations :execrows
DELETE FROM mcpkeep_authorizations WHERE id IN (
    SELECT a.id FROM mcpkeep_authorizations a WHERE a.expires_at <= @now ORDER BY a.expires_at LIMIT CAST(@max_rows AS BIGINT));

-- The bounds of sign-ins that no one has signed in to yet.

-- name: EndOlderSignIns :execrows
DELETE FROM mcpkeep_authorizations WHERE id IN (
    SELECT a.id FROM mcpkeep_authorizations a
    WHERE a.browser_hash = @browser_hash AND a.finished_at IS NULL AND a.expires_at > 0
    ORDER BY a.expires_at DESC, a.id DESC LIMIT CAST(@max_rows AS BIGINT) OFFSET CAST(@kept AS BIGINT));

-- name: CountYoungSignIns :one
SELECT CAST(COUNT(*) AS BIGINT) FROM (
    SELECT a.id FROM mcpkeep_authorizations a
    WHERE a.user_id IS NULL AND a.expires_at > @expires_after AND a.expires_at <= @latest LIMIT CAST(@max_rows AS BIGINT)) young;

-- name: EvictSignIns :execrows
DELETE FROM mcpkeep_authorizations WHERE id IN (
    SELECT a.id FROM mcpkeep_authorizations a
    WHERE a.user_id IS NULL AND a.expires_at <= @expires_until
    ORDER BY a.expires_at DESC, a.id DESC LIMIT CAST(@max_rows AS BIGINT) OFFSET CAST(@kept AS BIGINT));
