-- name: ListEventsWithoutNumber :many
SELECT id FROM mcpkeep_events
WHERE number IS NULL AND id > @after AND id <= @until
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: GetNewestEventWithoutNumber :one
SELECT id FROM mcpkeep_events WHERE number IS NULL ORDER BY id DESC LIMIT 1;

-- The last number is locked before others are given, so that they become visible in their order.
-- name: LockEventNumbers :exec
UPDATE mcpkeep_event_log SET last_number = last_number WHERE id = 1;

-- name: NumberEvent :exec
UPDATE mcpkeep_events SET number = (SELECT l.last_number + CAST(@place AS BIGINT) FROM mcpkeep_event_log l WHERE l.id = 1)
WHERE mcpkeep_events.id = @id AND number IS NULL;

-- Events that others numbered or deleted meanwhile leave numbers out.
-- name: AddEventNumbers :exec
UPDATE mcpkeep_event_log SET last_number = last_number + CAST(@given AS BIGINT)
WHERE mcpkeep_event_log.id = 1 AND EXISTS (SELECT 1 FROM mcpkeep_events e WHERE e.number > mcpkeep_event_log.last_number);

-- name: GetEventLog :one
SELECT * FROM mcpkeep_event_log WHERE id = 1;

-- name: BeginEventLog :exec
UPDATE mcpkeep_event_log SET logged_number = last_number, logged_since = CAST(@since AS BIGINT)
WHERE id = 1 AND logged_number IS NULL;

-- name: SetLoggedEvent :exec
UPDATE mcpkeep_event_log SET logged_number = CAST(@number AS BIGINT)
WHERE id = 1 AND logged_number < CAST(@number AS BIGINT);

-- name: GetEventNumber :one
SELECT CAST(COALESCE(number, 0) AS BIGINT) FROM mcpkeep_events WHERE id = @id;

-- name: ListEventsByNumber :many
SELECT * FROM mcpkeep_events
WHERE number > CAST(@after AS BIGINT) AND number <= CAST(@until AS BIGINT)
ORDER BY number
LIMIT CAST(@max_rows AS BIGINT);
