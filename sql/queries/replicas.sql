-- name: SeeReplica :exec
INSERT INTO mcpkeep_replicas (id, name, version, started_at, seen_at, provider_answered_at)
VALUES (@id, @name, @version, @started_at, @seen_at, @provider_answered_at)
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, provider_answered_at = excluded.provider_answered_at;

-- name: ListReplicas :many
SELECT * FROM mcpkeep_replicas WHERE seen_at > @seen_after ORDER BY seen_at DESC LIMIT CAST(@max_rows AS BIGINT);

-- name: DeleteReplica :exec
DELETE FROM mcpkeep_replicas WHERE id = @id;

-- name: DeleteOldReplicas :exec
DELETE FROM mcpkeep_replicas WHERE id IN (
    SELECT r.id FROM mcpkeep_replicas r
    WHERE r.seen_at <= @seen_before ORDER BY r.seen_at LIMIT CAST(@max_rows AS BIGINT));
