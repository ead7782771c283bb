-- name: CreateBrowserSession :exec
INSERT INTO mcpkeep_browser_sessions (session_hash, user_id, created_at, expires_at, authenticated_at)
VALUES (@session_hash, @user_id, @created_at, @expires_at, @authenticated_at);

-- name: GetBrowserSession :one
SELECT s.user_id, s.created_at, s.expires_at, s.authenticated_at, u.issuer, u.subject, u.profile, u.profile_key_id
FROM mcpkeep_browser_sessions s JOIN mcpkeep_users u ON u.id = s.user_id
WHERE s.session_hash = @session_hash AND s.expires_at > @now AND u.disabled_at IS NULL;

-- name: ExtendBrowserSession :execrows
UPDATE mcpkeep_browser_sessions SET expires_at = CAST(@expires_at AS BIGINT)
WHERE session_hash = @session_hash AND expires_at > CAST(@now AS BIGINT) AND expires_at < CAST(@expires_at AS BIGINT);

-- name: DeleteBrowserSession :one
DELETE FROM mcpkeep_browser_sessions WHERE session_hash = @session_hash RETURNING user_id;

-- name: DeleteBrowserSessionsOfUser :execrows
DELETE FROM mcpkeep_browser_sessions WHERE user_id = @user_id;

-- name: DeleteExpiredBrowserSessions :execrows
DELETE FROM mcpkeep_browser_sessions WHERE session_hash IN (
    SELECT s.session_hash FROM mcpkeep_browser_sessions s
    WHERE s.expires_at <= @now ORDER BY s.expires_at LIMIT CAST(@max_rows AS BIGINT));
