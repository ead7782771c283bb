-- A lease that ends after latest was written by a clock that was wrong.
-- name: TakeLease :execrows
UPDATE mcpkeep_leases SET holder = @holder, expires_at = CAST(@until AS BIGINT)
WHERE name = @name AND (holder = @holder OR expires_at <= CAST(@now AS BIGINT) OR expires_at > CAST(@latest AS BIGINT));

-- name: EndLease :execrows
UPDATE mcpkeep_leases SET holder = '', expires_at = CAST(@free_at AS BIGINT)
WHERE name = @name AND holder = @holder;

-- name: AddLease :exec
INSERT INTO mcpkeep_leases (name, holder, expires_at) VALUES (@name, '', 0)
ON CONFLICT (name) DO NOTHING;

-- name: DropLease :exec
DELETE FROM mcpkeep_leases WHERE name = @name AND holder = @holder;

-- name: ProbeWrite :exec
INSERT INTO mcpkeep_leases (name, holder, expires_at) VALUES ('ready', '', CAST(@now AS BIGINT))
ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at;

-- Names of renewals begin with "renewal/". The bounds hold in every collation: some ignore
-- the slash.
-- name: DeleteEndedRenewals :execrows
DELETE FROM mcpkeep_leases WHERE name IN (
    SELECT l.name FROM mcpkeep_leases l
    WHERE l.name > 'renewal' AND l.name < 'renewam' AND l.expires_at <= CAST(@now AS BIGINT)
    LIMIT CAST(@max_rows AS BIGINT));
