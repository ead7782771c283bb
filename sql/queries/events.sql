-- name: CreateEvent :exec
INSERT INTO mcpkeep_events (id, type, actor, user_id, client_id, grant_id, reference, detail, created_at)
VALUES (@id, @type, @actor, @user_id, @client_id, @grant_id, @reference, @detail, @created_at);

-- The filter that selects most has a query of its own; the others look at what that
-- one left.

-- The subtraction keeps SQLite from taking the index of the time, and sorting.
-- name: ListEvents :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND created_at >= @since AND created_at - CAST(@until AS BIGINT) < 0
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfType :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND created_at >= @since AND created_at < @until AND type = CAST(@type AS TEXT)
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfClient :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND created_at >= @since AND created_at < @until AND client_id = CAST(@client_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfUser :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND created_at >= @since AND created_at < @until AND user_id = CAST(@user_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfGrant :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND created_at >= @since AND created_at < @until AND grant_id = CAST(@grant_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListNewestEvents :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND id < @before AND created_at >= @since AND created_at < @until
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListNewestEventsOfType :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND id < @before AND created_at >= @since AND created_at < @until AND type = CAST(@type AS TEXT)
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListNewestEventsOfClient :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND id < @before AND created_at >= @since AND created_at < @until AND client_id = CAST(@client_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListNewestEventsOfUser :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND id < @before AND created_at >= @since AND created_at < @until AND user_id = CAST(@user_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListNewestEventsOfGrant :many
SELECT * FROM mcpkeep_events
WHERE id > @after AND id < @before AND created_at >= @since AND created_at < @until AND grant_id = CAST(@grant_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: GetFirstEventSince :one
SELECT id FROM mcpkeep_events WHERE created_at >= @since ORDER BY created_at LIMIT 1;

-- name: DeleteOldEvents :execrows
DELETE FROM mcpkeep_events WHERE id IN (
    SELECT e.id FROM mcpkeep_events e WHERE e.created_at <= @created_before
    ORDER BY e.created_at LIMIT CAST(@max_rows AS BIGINT));

-- name: CountEventsOfClient :one
SELECT COUNT(*) FROM mcpkeep_events WHERE client_id = CAST(@client_id AS TEXT) AND type = @type;

-- How many events of a type are after an id, up to a number.
-- name: CountEventsOfTypeAfter :one
SELECT CAST(COUNT(*) AS BIGINT) FROM (
    SELECT e.id FROM mcpkeep_events e WHERE e.type = @type AND e.id > @after LIMIT CAST(@max_rows AS BIGINT)) recent;

-- The newest event of a type that is beyond the ones to keep.
-- name: GetEventBeyond :one
SELECT e.id FROM mcpkeep_events e WHERE e.type = @type AND e.id < @before ORDER BY e.id DESC LIMIT 1 OFFSET CAST(@kept AS BIGINT);

-- name: DeleteEventsOfType :execrows
DELETE FROM mcpkeep_events WHERE id IN (
    SELECT e.id FROM mcpkeep_events e WHERE e.type = @type AND e.id <= @until
    ORDER BY e.id LIMIT CAST(@max_rows AS BIGINT));
