-- name: UpsertUser :one
INSERT INTO mcpkeep_users (id, issuer, subject, profile, profile_key_id, created_at, last_sign_in_at)
VALUES (@id, @issuer, @subject, @profile, @profile_key_id, @created_at, @last_sign_in_at)
ON CONFLICT (issuer, subject) DO UPDATE
SET last_sign_in_at = CASE WHEN mcpkeep_users.disabled_at IS NULL
    THEN COALESCE(excluded.last_sign_in_at, mcpkeep_users.last_sign_in_at) ELSE mcpkeep_users.last_sign_in_at END
RETURNING *;

-- name: SignInUser :execrows
UPDATE mcpkeep_users SET last_sign_in_at = CAST(@now AS BIGINT) WHERE id = @id AND disabled_at IS NULL;

-- name: LockUser :execrows
UPDATE mcpkeep_users SET last_sign_in_at = last_sign_in_at WHERE id = @id;

-- name: SetUserProfile :execrows
UPDATE mcpkeep_users SET profile = @profile, profile_key_id = @profile_key_id WHERE id = @id;

-- name: GetUser :one
SELECT * FROM mcpkeep_users WHERE id = @id;

-- name: GetUserBySubject :one
SELECT * FROM mcpkeep_users WHERE issuer = @issuer AND subject = @subject;

-- name: CountUsers :one
SELECT COUNT(*) FROM mcpkeep_users;

-- name: SetUserPassword :execrows
UPDATE mcpkeep_users
SET password = CAST(@password AS TEXT), password_key_id = CAST(@password_key_id AS TEXT),
    password_failures = 0, password_retry_at = 0
WHERE id = @id AND (password IS NULL OR CAST(@replace AS BOOLEAN));

-- name: CountPasswordAttempt :one
UPDATE mcpkeep_users
SET password_failures = password_failures + 1,
    password_retry_at = CASE
        WHEN password_failures + 1 < CAST(@free_attempts AS BIGINT) THEN 0
        ELSE CAST(@now AS BIGINT) + CAST(@wait_seconds AS BIGINT) END
WHERE issuer = @issuer AND subject = @subject AND (password_retry_at <= CAST(@now AS BIGINT)
    OR password_retry_at > CAST(@now AS BIGINT) + CAST(@longest_seconds AS BIGINT))
RETURNING *;

-- name: ResetPasswordAttempts :exec
UPDATE mcpkeep_users SET password_failures = 0, password_retry_at = 0 WHERE id = @id;

-- name: ListUsers :many
SELECT u.id, u.issuer, u.subject, u.profile, u.profile_key_id, u.created_at, u.last_sign_in_at, u.disabled_at,
    CAST((SELECT COUNT(*) FROM mcpkeep_grants g
          WHERE g.user_id = u.id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
                        WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))) AS BIGINT) AS grants
FROM mcpkeep_users u
WHERE u.id > @after
  AND (CAST(@issuer AS TEXT) = '' OR u.issuer = CAST(@issuer AS TEXT))
  AND (CAST(@subject AS TEXT) = '' OR u.subject = CAST(@subject AS TEXT))
ORDER BY u.id
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindUserByID :many
SELECT u.id, u.issuer, u.subject, u.profile, u.profile_key_id, u.created_at, u.last_sign_in_at, u.disabled_at,
    CAST((SELECT COUNT(*) FROM mcpkeep_grants g
          WHERE g.user_id = u.id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
                        WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))) AS BIGINT) AS grants
FROM mcpkeep_users u
WHERE u.id > @after AND u.id = @id
  AND (CAST(@issuer AS TEXT) = '' OR u.issuer = CAST(@issuer AS TEXT))
  AND (CAST(@subject AS TEXT) = '' OR u.subject = CAST(@subject AS TEXT))
LIMIT CAST(@max_rows AS BIGINT);

-- name: FindUserBySubject :many
SELECT u.id, u.issuer, u.subject, u.profile, u.profile_key_id, u.created_at, u.last_sign_in_at, u.disabled_at,
    CAST((SELECT COUNT(*) FROM mcpkeep_grants g
          WHERE g.user_id = u.id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
                        WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))) AS BIGINT) AS grants
FROM mcpkeep_users u
WHERE u.id > @after AND u.issuer = @issuer AND u.subject = @subject
LIMIT CAST(@max_rows AS BIGINT);

-- name: DisableUser :execrows
UPDATE mcpkeep_users SET disabled_at = CAST(@now AS BIGINT) WHERE id = @id AND disabled_at IS NULL;

-- name: EnableUser :execrows
UPDATE mcpkeep_users SET disabled_at = NULL WHERE id = @id AND disabled_at IS NOT NULL;
