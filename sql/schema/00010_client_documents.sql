-- What is fetched from clients' sites: client ID metadata documents (url is the
-- client_id) and key sets. All of it is public. body is the newest valid one, null
-- when there never was one; failure is why the last fetch failed, which is not
-- repeated before retry_at. lease is held by who fetches just now. admitted_at is
-- when a fetch without anything to fall back on was last allowed, which counts
-- against the limits of all replicas; tried_at is when one began.
-- oauth_client_assertions holds the ids of client assertions (RFC 7523) until they
-- expire, as SHA-256: each is good for one use.

-- +goose Up
CREATE TABLE oauth_client_documents (
    client_id   TEXT   NOT NULL,
    url         TEXT   NOT NULL,
    site        TEXT   NOT NULL,
    client_name TEXT,
    body        TEXT,
    etag        TEXT,
    fetched_at  BIGINT,
    fresh_until BIGINT,
    failure     TEXT,
    retry_at    BIGINT,
    lease       TEXT,
    lease_until BIGINT,
    admitted_at BIGINT NOT NULL,
    tried_at    BIGINT NOT NULL,
    PRIMARY KEY (client_id, url),
    CHECK ((body IS NULL) = (fetched_at IS NULL)),
    CHECK ((body IS NULL) = (fresh_until IS NULL)),
    CHECK ((lease IS NULL) = (lease_until IS NULL))
);

CREATE INDEX oauth_client_documents_admitted_at_idx ON oauth_client_documents (admitted_at);
CREATE INDEX oauth_client_documents_site_idx ON oauth_client_documents (site, admitted_at);
CREATE INDEX oauth_client_documents_tried_at_idx ON oauth_client_documents (tried_at);

CREATE TABLE oauth_client_assertions (
    client_id  TEXT   NOT NULL,
    jti_hash   TEXT   NOT NULL CHECK (length(jti_hash) = 43),
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);

CREATE INDEX oauth_client_assertions_expires_at_idx ON oauth_client_assertions (expires_at);

-- +goose Down
DROP TABLE oauth_client_assertions;
DROP TABLE oauth_client_documents;
