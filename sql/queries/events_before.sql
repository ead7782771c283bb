-- The newest events before one, as the queries of events.sql for the newest ones.

-- name: ListEventsBefore :many
SELECT * FROM mcpkeep_events
WHERE id < @before
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfTypeBefore :many
SELECT * FROM mcpkeep_events
WHERE id < @before AND type = CAST(@type AS TEXT)
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfClientBefore :many
SELECT * FROM mcpkeep_events
WHERE id < @before AND client_id = CAST(@client_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfUserBefore :many
SELECT * FROM mcpkeep_events
WHERE id < @before AND user_id = CAST(@user_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListEventsOfGrantBefore :many
SELECT * FROM mcpkeep_events
WHERE id < @before AND grant_id = CAST(@grant_id AS TEXT)
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);
