-- name: GetClientDocument :one
SELECT * FROM mcpkeep_client_documents WHERE client_id = @client_id AND url = @url;

-- name: GetClientDocumentName :one
SELECT CAST(COALESCE(client_name, '') AS TEXT) AS client_name, CAST(COALESCE(claimed_name, '') AS TEXT) AS claimed_name
FROM mcpkeep_client_documents
WHERE client_id = @client_id AND url = @client_id;

-- name: AdmitClientDocument :execrows
INSERT INTO mcpkeep_client_documents (client_id, url, site, lease, lease_until, admitted_at, review_at)
SELECT CAST(@client_id AS TEXT), CAST(@url AS TEXT), CAST(@site AS TEXT), CAST(@lease AS TEXT),
    CAST(@lease_until AS BIGINT), CAST(@now AS BIGINT), CAST(@review_at AS BIGINT)
WHERE (SELECT COUNT(*) FROM mcpkeep_client_documents a WHERE a.admitted_at > CAST(@since AS BIGINT) AND a.admitted_at <= CAST(@latest_lease AS BIGINT)) < CAST(@max_all AS BIGINT)
  AND (SELECT COUNT(*) FROM mcpkeep_client_documents s
       WHERE s.site = CAST(@site AS TEXT) AND s.admitted_at > CAST(@since AS BIGINT) AND s.admitted_at <= CAST(@latest_lease AS BIGINT)) < CAST(@max_site AS BIGINT)
ON CONFLICT DO NOTHING;

-- name: ReadmitClientDocument :execrows
UPDATE mcpkeep_client_documents
SET lease = @lease, lease_until = CAST(@lease_until AS BIGINT), admitted_at = CAST(@now AS BIGINT), review_at = CAST(@review_at AS BIGINT)
WHERE mcpkeep_client_documents.client_id = @client_id AND mcpkeep_client_documents.url = @url AND mcpkeep_client_documents.body IS NULL
  AND (mcpkeep_client_documents.lease_until IS NULL OR mcpkeep_client_documents.lease_until <= CAST(@now AS BIGINT) OR mcpkeep_client_documents.lease_until > CAST(@latest_lease AS BIGINT))
  AND (mcpkeep_client_documents.retry_at IS NULL OR mcpkeep_client_documents.retry_at <= CAST(@now AS BIGINT) OR mcpkeep_client_documents.retry_at > CAST(@latest_retry AS BIGINT))
  AND (SELECT COUNT(*) FROM mcpkeep_client_documents a WHERE a.admitted_at > CAST(@since AS BIGINT) AND a.admitted_at <= CAST(@latest_lease AS BIGINT)) < CAST(@max_all AS BIGINT)
  AND (SELECT COUNT(*) FROM mcpkeep_client_documents s
       WHERE s.site = CAST(@site AS TEXT) AND s.admitted_at > CAST(@since AS BIGINT) AND s.admitted_at <= CAST(@latest_lease AS BIGINT)) < CAST(@max_site AS BIGINT);

-- name: ClaimClientDocument :execrows
UPDATE mcpkeep_client_documents
SET lease = @lease, lease_until = CAST(@lease_until AS BIGINT), review_at = CAST(@review_at AS BIGINT)
WHERE client_id = @client_id AND url = @url AND body IS NOT NULL
  AND (lease_until IS NULL OR lease_until <= CAST(@now AS BIGINT) OR lease_until > CAST(@latest_lease AS BIGINT))
  AND (retry_at IS NULL OR retry_at <= CAST(@now AS BIGINT) OR retry_at > CAST(@latest_retry AS BIGINT))
  AND fetched_at <= CAST(@fetched_before AS BIGINT);

-- name: SaveClientDocument :execrows
UPDATE mcpkeep_client_documents
SET body = @body, client_name = sqlc.narg(client_name), etag = sqlc.narg(etag), fetched_at = CAST(@now AS BIGINT),
    fresh_until = CAST(@fresh_until AS BIGINT), failure = NULL, failure_invalid = FALSE, failure_kind = '',
    approved_redirect_uri = NULL, claimed_name = NULL, retry_at = NULL, lease = NULL, lease_until = NULL
WHERE client_id = @client_id AND url = @url AND lease = CAST(@lease AS TEXT);

-- name: FailClientDocument :execrows
UPDATE mcpkeep_client_documents
SET failure = CAST(@failure AS TEXT), failure_invalid = @failure_invalid, failure_kind = @failure_kind,
    retry_at = CAST(@retry_at AS BIGINT), client_name = COALESCE(sqlc.narg(client_name), client_name),
    lease = NULL, lease_until = NULL
WHERE client_id = @client_id AND url = @url AND lease = CAST(@lease AS TEXT);

-- name: ApproveUnreadDocument :execrows
INSERT INTO mcpkeep_client_documents (client_id, url, site, admitted_at, review_at, approved_redirect_uri)
VALUES (@client_id, @client_id, '', 0, @review_at, CAST(@redirect_uri AS TEXT))
ON CONFLICT (client_id, url) DO UPDATE SET approved_redirect_uri = excluded.approved_redirect_uri
WHERE mcpkeep_client_documents.approved_redirect_uri IS NULL
   OR mcpkeep_client_documents.approved_redirect_uri <> excluded.approved_redirect_uri;

-- Of a client that has no document only; another claim may have come meanwhile.
-- name: ClaimDocumentName :execrows
UPDATE mcpkeep_client_documents SET claimed_name = CAST(@claimed_name AS TEXT)
WHERE client_id = @client_id AND url = @client_id AND client_name IS NULL AND approved_redirect_uri IS NOT NULL
  AND COALESCE(claimed_name, '') = CAST(@previous AS TEXT);

-- name: ListDocumentClients :many
SELECT d.client_id, d.client_name, d.claimed_name, d.fetched_at,
    CAST((SELECT COUNT(*) FROM mcpkeep_grants g
          WHERE g.client_id = d.client_id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM mcpkeep_refresh_tokens r
                        WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))) AS BIGINT) AS grants
FROM mcpkeep_client_documents d
WHERE d.url = d.client_id AND d.client_id > @after
ORDER BY d.client_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DeleteClientDocuments :execrows
DELETE FROM mcpkeep_client_documents WHERE client_id = @client_id;

-- name: ListDueClientDocuments :many
SELECT d.client_id, d.url, d.review_at,
    CAST(COALESCE((SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = d.client_id LIMIT 1), 0) AS BIGINT) AS used
FROM mcpkeep_client_documents d
WHERE d.review_at <= @now
ORDER BY d.review_at
LIMIT CAST(@max_rows AS BIGINT);

-- name: PostponeClientDocument :execrows
UPDATE mcpkeep_client_documents SET review_at = CAST(@next AS BIGINT)
WHERE client_id = @client_id AND url = @url AND review_at = @seen;

-- name: DeleteIdleClientDocument :execrows
DELETE FROM mcpkeep_client_documents
WHERE mcpkeep_client_documents.client_id = @client_id AND mcpkeep_client_documents.url = @url
  AND mcpkeep_client_documents.review_at = @seen
  AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = CAST(@client_id AS TEXT));

-- Of clients without grants, beyond a number to keep, the oldest go first.
-- name: EvictIdleClientDocuments :execrows
DELETE FROM mcpkeep_client_documents WHERE (client_id, url) IN (
    SELECT d.client_id, d.url FROM mcpkeep_client_documents d
    WHERE d.admitted_at > 0 AND NOT EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = d.client_id)
    ORDER BY d.admitted_at DESC LIMIT CAST(@max_rows AS BIGINT) OFFSET CAST(@kept AS BIGINT));

-- name: DeleteOtherKeySets :execrows
DELETE FROM mcpkeep_client_documents
WHERE client_id = @client_id AND url <> @client_id AND url <> CAST(@url AS TEXT);

-- name: UseClientAssertion :execrows
INSERT INTO mcpkeep_client_assertions (client_id, jti_hash, expires_at)
VALUES (@client_id, @jti_hash, @expires_at)
ON CONFLICT (client_id, jti_hash) DO NOTHING;

-- Whether an assertion of a client has any effect: of one with grants, or of an MCP server
-- that asks what tokens are worth.
-- name: AssertionMatters :one
SELECT CAST(EXISTS (SELECT 1 FROM mcpkeep_grants g WHERE g.client_id = CAST(@client_id AS TEXT))
    OR EXISTS (SELECT 1 FROM mcpkeep_resources r WHERE r.client_key = CAST(@key AS TEXT)) AS BOOLEAN) AS matters;

-- name: CountClientAssertions :one
SELECT COUNT(*) FROM (SELECT 1 FROM mcpkeep_client_assertions LIMIT CAST(@max_rows AS BIGINT)) used;

-- name: DeleteExpiredClientAssertions :execrows
DELETE FROM mcpkeep_client_assertions WHERE (client_id, jti_hash) IN (
    SELECT a.client_id, a.jti_hash FROM mcpkeep_client_assertions a
    WHERE a.expires_at <= @now ORDER BY a.expires_at LIMIT CAST(@max_rows AS BIGINT));

-- name: LockClientDocuments :execrows
UPDATE mcpkeep_client_documents SET review_at = review_at WHERE client_id = @client_id;
