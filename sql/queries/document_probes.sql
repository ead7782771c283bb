-- name: GetDocumentProbe :one
SELECT reachable, probed_at FROM mcpkeep_document_probes WHERE id = 1;

-- name: ClaimDocumentProbe :execrows
UPDATE mcpkeep_document_probes SET lease = @lease, lease_until = @lease_until
WHERE id = 1 AND (probed_at <= @probed_before OR probed_at > @latest)
  AND (lease_until <= @now OR lease_until > @latest);

-- name: SaveDocumentProbe :execrows
UPDATE mcpkeep_document_probes SET reachable = @reachable, probed_at = @probed_at, lease = '', lease_until = 0
WHERE id = 1 AND lease = @lease;
