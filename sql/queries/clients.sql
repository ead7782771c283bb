-- name: CreateClient :exec
INSERT INTO oauth_clients (key, value, created_at, updated_at, value_key_id, unused_since)
VALUES (@key, @value, @created_at, @updated_at, @value_key_id, @unused_since);

-- name: ReadoptClient :execrows
INSERT INTO oauth_clients (key, value, created_at, updated_at, value_key_id, unused_since)
VALUES (@key, @value, @created_at, @updated_at, @value_key_id, CAST(@unused_since AS BIGINT))
ON CONFLICT (key) DO NOTHING;

-- name: UpdateClient :execrows
UPDATE oauth_clients SET value = @value, updated_at = @updated_at, value_key_id = @value_key_id
WHERE key = @key AND CAST(value AS TEXT) = CAST(@previous AS TEXT);

-- name: TouchClient :execrows
UPDATE oauth_clients SET last_used_at = CAST(@now AS BIGINT), unused_since = NULL WHERE key = @key;

-- name: LockClient :execrows
UPDATE oauth_clients SET last_used_at = last_used_at WHERE key = @key;

-- name: GetClient :one
SELECT key, value, created_at, updated_at, last_used_at, value_key_id, unused_since FROM oauth_clients WHERE key = @key;

-- What a look-up needs of a row, and no more: each column costs.
-- name: GetClientValue :one
SELECT value, created_at FROM oauth_clients WHERE key = @key;

-- name: ListClients :many
SELECT c.key, c.value, c.created_at, c.updated_at, c.last_used_at, c.value_key_id, c.unused_since,
    CAST((SELECT COUNT(*) FROM mcpkeep_grants g
          WHERE g.client_id = substr(c.key, 25) AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
                        WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))) AS BIGINT) AS grants
FROM oauth_clients c
WHERE substr(c.key, 1, 24) = 'mcp-oauth-proxy-clients:' AND c.key > @after
ORDER BY c.key
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListUnusedClients :many
SELECT c.key, c.value, c.created_at, c.updated_at, c.last_used_at, c.value_key_id, c.unused_since FROM oauth_clients c
WHERE substr(c.key, 1, 24) = 'mcp-oauth-proxy-clients:' AND c.key > @after
  AND c.last_used_at IS NULL AND c.created_at <= @registered
  AND NOT EXISTS (SELECT 1 FROM mcpkeep_resources o WHERE o.client_key = c.key)
  AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = substr(c.key, 25))
  AND NOT EXISTS (
      SELECT 1 FROM mcpkeep_authorizations a
      WHERE a.client_id = substr(c.key, 25) AND a.finished_at IS NULL AND a.expires_at > CAST(@now AS BIGINT))
ORDER BY c.key
LIMIT CAST(@max_rows AS BIGINT);

-- name: SampleClients :many
SELECT key, value, created_at, updated_at, last_used_at, value_key_id, unused_since FROM oauth_clients
WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:'
ORDER BY updated_at DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: CountClients :one
SELECT COUNT(*) FROM oauth_clients WHERE substr(key, 1, 24) = 'mcp-oauth-proxy-clients:';

-- name: DeleteClient :execrows
DELETE FROM oauth_clients WHERE key = @key;

-- name: DeleteUnusedClient :execrows
DELETE FROM oauth_clients
WHERE oauth_clients.key = @key AND oauth_clients.last_used_at IS NULL AND oauth_clients.created_at <= @registered
  AND NOT EXISTS (SELECT 1 FROM mcpkeep_resources o WHERE o.client_key = oauth_clients.key)
  AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = CAST(@client_id AS TEXT))
  AND NOT EXISTS (
      SELECT 1 FROM mcpkeep_authorizations a
      WHERE a.client_id = CAST(@client_id AS TEXT) AND a.finished_at IS NULL AND a.expires_at > CAST(@now AS BIGINT));

-- name: ReclaimClients :many
DELETE FROM oauth_clients
WHERE unused_since <= CAST(@unused_since AS BIGINT) AND key IN (
    SELECT c.key FROM oauth_clients c
    WHERE c.unused_since <= CAST(@unused_since AS BIGINT)
      AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = substr(c.key, 25) AND g.revoked_at IS NULL)
      AND NOT EXISTS (
          SELECT 1 FROM mcpkeep_authorizations a
          WHERE a.client_id = substr(c.key, 25) AND a.finished_at IS NULL AND a.expires_at > CAST(@now AS BIGINT))
    ORDER BY c.unused_since
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING key;

-- How many clients registered lately and were never used, up to a number.
-- name: CountYoungClients :one
SELECT CAST(COUNT(*) AS BIGINT) FROM (
    SELECT c.key FROM oauth_clients c WHERE c.unused_since > CAST(@since AS BIGINT)
      AND c.unused_since <= CAST(@latest AS BIGINT) LIMIT CAST(@max_rows AS BIGINT)) young;

-- Up to when the clients that were never used are too many, of those that are old enough.
-- name: GetEvictionTime :one
SELECT CAST(c.unused_since AS BIGINT) AS unused_since FROM oauth_clients c WHERE c.unused_since <= CAST(@until AS BIGINT)
ORDER BY c.unused_since DESC LIMIT 1 OFFSET CAST(@kept AS BIGINT);

-- The events of the registrations that EvictClients then deletes.
-- name: ForgetRegistrations :execrows
DELETE FROM mcpkeep_events WHERE type = @type AND client_id IN (
    SELECT substr(c.key, 25) FROM oauth_clients c
    WHERE c.unused_since <= CAST(@unused_since AS BIGINT)
      AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = substr(c.key, 25) AND g.revoked_at IS NULL)
    ORDER BY c.unused_since, c.key
    LIMIT CAST(@max_rows AS BIGINT));

-- A sign-in in progress does not keep a client: it carries the registration.
-- name: EvictClients :many
DELETE FROM oauth_clients
WHERE unused_since <= CAST(@unused_since AS BIGINT) AND key IN (
    SELECT c.key FROM oauth_clients c
    WHERE c.unused_since <= CAST(@unused_since AS BIGINT)
      AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = substr(c.key, 25) AND g.revoked_at IS NULL)
    ORDER BY c.unused_since, c.key
    LIMIT CAST(@max_rows AS BIGINT))
RETURNING key;
