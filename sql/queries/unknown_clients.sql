-- One statement sees and remembers, so that of two concurrent calls one is the second.
-- name: SeeUnknownClient :one
INSERT INTO mcpkeep_unknown_clients (id_hash, seen_at, seen_before) VALUES (@id_hash, @now, 0)
ON CONFLICT (id_hash) DO UPDATE SET seen_before = mcpkeep_unknown_clients.seen_at, seen_at = excluded.seen_at
RETURNING seen_before;

-- name: ForgetUnknownClients :execrows
DELETE FROM mcpkeep_unknown_clients WHERE id_hash IN (
    SELECT u.id_hash FROM mcpkeep_unknown_clients u
    ORDER BY u.seen_at DESC, u.id_hash DESC LIMIT CAST(@max_rows AS BIGINT) OFFSET CAST(@kept AS BIGINT));

-- Written by a clock that was wrong: they would outlive all others.
-- name: DeleteAheadUnknownClients :execrows
DELETE FROM mcpkeep_unknown_clients WHERE id_hash IN (
    SELECT u.id_hash FROM mcpkeep_unknown_clients u
    WHERE u.seen_at > @latest ORDER BY u.seen_at LIMIT CAST(@max_rows AS BIGINT));

-- name: DeleteOldUnknownClients :execrows
DELETE FROM mcpkeep_unknown_clients WHERE id_hash IN (
    SELECT u.id_hash FROM mcpkeep_unknown_clients u
    WHERE u.seen_at <= @seen_until ORDER BY u.seen_at LIMIT CAST(@max_rows AS BIGINT));
