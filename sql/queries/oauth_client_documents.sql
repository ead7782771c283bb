-- name: GetClientDocument :one
SELECT * FROM oauth_client_documents WHERE client_id = @client_id AND url = @url;

-- name: GetClientDocumentName :one
SELECT CAST(COALESCE(client_name, '') AS TEXT) AS client_name FROM oauth_client_documents
WHERE client_id = @client_id AND url = @client_id;

-- name: AdmitClientDocument :execrows
INSERT INTO oauth_client_documents (client_id, url, site, lease, lease_until, admitted_at, tried_at)
SELECT CAST(@client_id AS TEXT), CAST(@url AS TEXT), CAST(@site AS TEXT), CAST(@lease AS TEXT),
    CAST(@lease_until AS BIGINT), CAST(@now AS BIGINT), CAST(@now AS BIGINT)
WHERE (SELECT COUNT(*) FROM oauth_client_documents a WHERE a.admitted_at > CAST(@since AS BIGINT)) < CAST(@max_all AS BIGINT)
  AND (SELECT COUNT(*) FROM oauth_client_documents s
       WHERE s.site = CAST(@site AS TEXT) AND s.admitted_at > CAST(@since AS BIGINT)) < CAST(@max_site AS BIGINT)
ON CONFLICT DO NOTHING;

-- name: ReadmitClientDocument :execrows
UPDATE oauth_client_documents
SET lease = @lease, lease_until = CAST(@lease_until AS BIGINT), admitted_at = CAST(@now AS BIGINT), tried_at = CAST(@now AS BIGINT)
WHERE oauth_client_documents.client_id = @client_id AND oauth_client_documents.url = @url AND oauth_client_documents.body IS NULL
  AND (oauth_client_documents.lease_until IS NULL OR oauth_client_documents.lease_until <= CAST(@now AS BIGINT))
  AND (oauth_client_documents.retry_at IS NULL OR oauth_client_documents.retry_at <= CAST(@now AS BIGINT))
  AND (SELECT COUNT(*) FROM oauth_client_documents a WHERE a.admitted_at > CAST(@since AS BIGINT)) < CAST(@max_all AS BIGINT)
  AND (SELECT COUNT(*) FROM oauth_client_documents s
       WHERE s.site = CAST(@site AS TEXT) AND s.admitted_at > CAST(@since AS BIGINT)) < CAST(@max_site AS BIGINT);

-- name: ClaimClientDocument :execrows
UPDATE oauth_client_documents
SET lease = @lease, lease_until = CAST(@lease_until AS BIGINT), tried_at = CAST(@now AS BIGINT)
WHERE client_id = @client_id AND url = @url AND body IS NOT NULL
  AND (lease_until IS NULL OR lease_until <= CAST(@now AS BIGINT))
  AND (retry_at IS NULL OR retry_at <= CAST(@now AS BIGINT))
  AND fetched_at <= CAST(@fetched_before AS BIGINT);

-- name: SaveClientDocument :execrows
UPDATE oauth_client_documents
SET body = @body, client_name = sqlc.narg(client_name), etag = sqlc.narg(etag), fetched_at = CAST(@now AS BIGINT),
    fresh_until = CAST(@fresh_until AS BIGINT), failure = NULL, retry_at = NULL, lease = NULL, lease_until = NULL
WHERE client_id = @client_id AND url = @url AND lease = CAST(@lease AS TEXT);

-- name: FailClientDocument :execrows
UPDATE oauth_client_documents
SET failure = CAST(@failure AS TEXT), retry_at = CAST(@retry_at AS BIGINT), client_name = COALESCE(sqlc.narg(client_name), client_name),
    lease = NULL, lease_until = NULL
WHERE client_id = @client_id AND url = @url AND lease = CAST(@lease AS TEXT);

-- name: ListDocumentClients :many
SELECT d.client_id, d.client_name, d.fetched_at,
    CAST((SELECT COUNT(*) FROM oauth_grants g
          WHERE g.client_id = d.client_id AND g.revoked_at IS NULL AND g.activated_at IS NOT NULL
            AND EXISTS (SELECT 1 FROM oauth_refresh_tokens r
                        WHERE r.grant_id = g.id AND r.spent_at IS NULL AND r.expires_at > CAST(@now AS BIGINT))) AS BIGINT) AS grants
FROM oauth_client_documents d
WHERE d.url = d.client_id AND d.client_id > @after
ORDER BY d.client_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: DeleteClientDocuments :execrows
DELETE FROM oauth_client_documents WHERE client_id = @client_id;

-- name: DeleteIdleClientDocuments :execrows
DELETE FROM oauth_client_documents WHERE oauth_client_documents.tried_at <= @tried_before
  AND (oauth_client_documents.client_id, oauth_client_documents.url) IN (
    SELECT d.client_id, d.url FROM oauth_client_documents d
    WHERE d.tried_at <= @tried_before
      AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.client_id = d.client_id)
    LIMIT CAST(@max_rows AS BIGINT));

-- name: UseClientAssertion :execrows
INSERT INTO oauth_client_assertions (client_id, jti_hash, expires_at)
VALUES (@client_id, @jti_hash, @expires_at)
ON CONFLICT (client_id, jti_hash) DO NOTHING;

-- name: DeleteExpiredClientAssertions :execrows
DELETE FROM oauth_client_assertions WHERE (client_id, jti_hash) IN (
    SELECT a.client_id, a.jti_hash FROM oauth_client_assertions a
    WHERE a.expires_at <= @now LIMIT CAST(@max_rows AS BIGINT));
