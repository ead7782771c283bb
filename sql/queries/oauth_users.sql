-- name: UpsertUser :one
INSERT INTO oauth_users (id, issuer, subject, profile, profile_key_id, created_at, last_sign_in_at)
VALUES (@id, @issuer, @subject, @profile, @profile_key_id, @created_at, @last_sign_in_at)
ON CONFLICT (issuer, subject) DO UPDATE
SET last_sign_in_at = COALESCE(excluded.last_sign_in_at, oauth_users.last_sign_in_at)
RETURNING id;

-- name: SetUserProfile :execrows
UPDATE oauth_users SET profile = @profile, profile_key_id = @profile_key_id WHERE id = @id;

-- name: GetUser :one
SELECT * FROM oauth_users WHERE id = @id;

-- name: GetUserBySubject :one
SELECT * FROM oauth_users WHERE issuer = @issuer AND subject = @subject;

-- name: CountUsers :one
SELECT COUNT(*) FROM oauth_users;

-- name: SetUserPassword :execrows
UPDATE oauth_users
SET password = CAST(@password AS TEXT), password_key_id = CAST(@password_key_id AS TEXT),
    password_failures = 0, password_retry_at = 0
WHERE id = @id AND (password IS NULL OR CAST(@replace AS BOOLEAN));

-- name: CountPasswordAttempt :one
UPDATE oauth_users
SET password_failures = password_failures + 1,
    password_retry_at = CASE
        WHEN password_failures + 1 < CAST(@free_attempts AS BIGINT) THEN 0
        ELSE CAST(@now AS BIGINT) + CAST(@wait_seconds AS BIGINT) END
WHERE issuer = @issuer AND subject = @subject AND password_retry_at <= CAST(@now AS BIGINT)
RETURNING *;

-- name: ResetPasswordAttempts :exec
UPDATE oauth_users SET password_failures = 0, password_retry_at = 0 WHERE id = @id;
