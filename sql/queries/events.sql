-- name: CreateEvent :exec
INSERT INTO events (id, type, actor, user_id, client_id, grant_id, reference, detail, created_at)
VALUES (@id, @type, @actor, @user_id, @client_id, @grant_id, @reference, @detail, @created_at);

-- name: ListEvents :many
SELECT * FROM events
WHERE id > @after AND created_at >= @since
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
  AND (CAST(@grant_id AS TEXT) = '' OR grant_id = CAST(@grant_id AS TEXT))
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: ListNewestEvents :many
SELECT * FROM events
WHERE created_at >= @since
  AND (CAST(@type AS TEXT) = '' OR type = CAST(@type AS TEXT))
  AND (CAST(@user_id AS TEXT) = '' OR user_id = CAST(@user_id AS TEXT))
  AND (CAST(@client_id AS TEXT) = '' OR client_id = CAST(@client_id AS TEXT))
  AND (CAST(@grant_id AS TEXT) = '' OR grant_id = CAST(@grant_id AS TEXT))
ORDER BY id DESC
LIMIT CAST(@max_rows AS BIGINT);

-- name: DeleteOldEvents :execrows
DELETE FROM events WHERE id IN (
    SELECT e.id FROM events e WHERE e.created_at <= @created_before LIMIT CAST(@max_rows AS BIGINT));
