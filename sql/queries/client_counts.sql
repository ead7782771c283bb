-- name: GetClientCount :one
SELECT * FROM mcpkeep_client_counts WHERE id = 1;

-- name: LockClientCount :one
UPDATE mcpkeep_client_counts SET clients = clients WHERE id = 1 RETURNING *;

-- NULL, which the column refuses, fails the transaction: there is no room, or the
-- count is too old, or from a clock too far ahead, to say.
-- name: CountOneMoreClient :exec
UPDATE mcpkeep_client_counts
SET clients = CASE WHEN clients < CAST(@ceiling AS BIGINT) AND counted_at > CAST(@counted_after AS BIGINT)
    AND counted_at <= CAST(@latest AS BIGINT) THEN clients + 1 END
WHERE id = 1;

-- name: AddToClientCount :exec
UPDATE mcpkeep_client_counts SET clients = clients + @clients WHERE id = 1 AND counted_at > 0;

-- From here on AddToClientCount keeps the number, so that MeasureClientCount can
-- compare it with the table.
-- name: StartClientCount :exec
UPDATE mcpkeep_client_counts SET counted_at = 1 WHERE id = 1 AND counted_at = 0;

-- One statement sees both at the same moment. What is missing stays missing however
-- many clients come and go until CorrectClientCount, which needs no lock for that.
-- name: MeasureClientCount :one
SELECT n.counted_at, CAST((
    SELECT COUNT(*) FROM oauth_clients c WHERE substr(c.key, 1, 24) = 'mcp-oauth-proxy-clients:') - n.clients AS BIGINT) AS missing
FROM mcpkeep_client_counts n WHERE n.id = 1;

-- name: CorrectClientCount :execrows
UPDATE mcpkeep_client_counts SET clients = clients + @missing, counted_at = @now
WHERE id = 1 AND counted_at = @seen;

-- name: SetClientCount :exec
UPDATE mcpkeep_client_counts
SET counted_at = @counted_at, clients = (
    SELECT COUNT(*) FROM oauth_clients c WHERE substr(c.key, 1, 24) = 'mcp-oauth-proxy-clients:')
WHERE id = 1;

-- LockClientCount in a batch, which has no results.
-- name: HoldClientCount :exec
UPDATE mcpkeep_client_counts SET clients = clients WHERE id = 1;
