-- mcpkeep's tables. Times are Unix seconds. A sealed column has a sibling
-- <column>_key_id, the id of the Fernet key that sealed it.

-- +goose Up

-- Registered clients, column for column the table that FastMCP deployments have:
-- an existing one is adopted with its rows, and both programs keep reading and
-- writing it. value is py-key-value's Fernet envelope.
CREATE TABLE IF NOT EXISTS oauth_clients (
    key        TEXT PRIMARY KEY,
    value      JSONB NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS oauth_clients_updated_at_idx ON oauth_clients (updated_at);

-- One row, made when it is first asked for: a random id of this database, by which
-- `mcpkeep doctor` recognizes a server that uses it.
CREATE TABLE mcpkeep_instance (
    id          BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    instance_id TEXT   NOT NULL
);

-- Every Fernet key ever used, with a canary that only this key opens. Sealed columns
-- refer to active_id; retiring a key clears it, which the foreign keys refuse while
-- a row still needs the key.
CREATE TABLE mcpkeep_encryption_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    active_id  TEXT   UNIQUE,
    canary     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT,
    CHECK (active_id IS NULL OR active_id = id),
    CHECK ((active_id IS NULL) = (retired_at IS NOT NULL))
);

-- Nullable, so that FastMCP's INSERT (key, value, updated_at) keeps working.
-- last_used_at: the last sign-in with this client.
-- value_key_id: the key that mcpkeep sealed value with; another program's rows have
-- none or an outdated one.
-- unused_since: set while no one has signed in with a client that registered itself;
-- only such a client may be evicted.
ALTER TABLE oauth_clients ADD COLUMN last_used_at BIGINT;
ALTER TABLE oauth_clients ADD COLUMN value_key_id TEXT
    CONSTRAINT mcpkeep_clients_value_key_id_fkey REFERENCES mcpkeep_encryption_keys (active_id);
ALTER TABLE oauth_clients ADD COLUMN unused_since BIGINT;

CREATE INDEX mcpkeep_clients_value_key_id_idx ON oauth_clients (value_key_id) WHERE value_key_id IS NOT NULL;
CREATE INDEX mcpkeep_clients_unused_since_idx ON oauth_clients (unused_since) WHERE unused_since IS NOT NULL;

-- One row: the number of clients, kept while a ceiling is set. counted_at is when it
-- was last compared with the table; 0 is never.
CREATE TABLE mcpkeep_client_counts (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    clients    BIGINT NOT NULL,
    counted_at BIGINT NOT NULL
);

INSERT INTO mcpkeep_client_counts (id, clients, counted_at) VALUES (1, 0, 0);

-- Client ID metadata documents (url is the client_id) and key sets, as fetched from
-- clients' sites; all of it is public. body is the newest valid one, failure why the
-- last fetch failed, which is not repeated before retry_at; failure_invalid is set if
-- the site answered with a document that is not valid. failure_kind says whose fault a
-- failure is: 'away' when the site could not be reached or is out of order, 'busy' when
-- this server had no room for the fetch, '' for the rest. lease belongs to the replica
-- that is fetching. admitted_at counts against the fetch limits of all replicas;
-- review_at is when the cleaner next looks whether anyone uses the client. While there
-- was no document to read, approved_redirect_uri is where a person let the client send
-- its response, and claimed_name what it calls itself; a document that is read clears
-- both.
CREATE TABLE mcpkeep_client_documents (
    client_id             TEXT    NOT NULL,
    url                   TEXT    NOT NULL,
    site                  TEXT    NOT NULL,
    client_name           TEXT,
    body                  TEXT,
    etag                  TEXT,
    fetched_at            BIGINT,
    fresh_until           BIGINT,
    failure               TEXT,
    failure_invalid       BOOLEAN NOT NULL DEFAULT FALSE,
    failure_kind          TEXT    NOT NULL DEFAULT '',
    retry_at              BIGINT,
    lease                 TEXT,
    lease_until           BIGINT,
    admitted_at           BIGINT  NOT NULL,
    review_at             BIGINT  NOT NULL,
    claimed_name          TEXT,
    approved_redirect_uri TEXT,
    PRIMARY KEY (client_id, url),
    CHECK ((body IS NULL) = (fetched_at IS NULL)),
    CHECK ((body IS NULL) = (fresh_until IS NULL)),
    CHECK ((lease IS NULL) = (lease_until IS NULL))
);

CREATE INDEX mcpkeep_client_documents_admitted_at_idx ON mcpkeep_client_documents (admitted_at);
CREATE INDEX mcpkeep_client_documents_site_idx ON mcpkeep_client_documents (site, admitted_at);
CREATE INDEX mcpkeep_client_documents_review_at_idx ON mcpkeep_client_documents (review_at);

-- One row: whether documents of known vendors can be fetched from here, when that was
-- last tried (0 is never), and until when the replica that is trying has the row.
CREATE TABLE mcpkeep_document_probes (
    id          BIGINT  NOT NULL PRIMARY KEY CHECK (id = 1),
    reachable   BOOLEAN NOT NULL DEFAULT FALSE,
    probed_at   BIGINT  NOT NULL DEFAULT 0,
    lease       TEXT    NOT NULL DEFAULT '',
    lease_until BIGINT  NOT NULL DEFAULT 0
);

INSERT INTO mcpkeep_document_probes (id) VALUES (1);

-- Client IDs that are not registered and came to renew a token: some apps never forget
-- one, and are told so in another way the second time. At most 10,000 rows, of which the
-- oldest go first. seen_before is 0 at first.
CREATE TABLE mcpkeep_unknown_clients (
    id_hash     TEXT   NOT NULL PRIMARY KEY CHECK (length(id_hash) = 43),
    seen_at     BIGINT NOT NULL,
    seen_before BIGINT NOT NULL
);

CREATE INDEX mcpkeep_unknown_clients_seen_at_idx ON mcpkeep_unknown_clients (seen_at, id_hash);

-- Used client assertions (RFC 7523) by the hash of their jti, until they expire: each
-- is good once.
CREATE TABLE mcpkeep_client_assertions (
    client_id  TEXT   NOT NULL,
    jti_hash   TEXT   NOT NULL CHECK (length(jti_hash) = 43),
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);

CREATE INDEX mcpkeep_client_assertions_expires_at_idx ON mcpkeep_client_assertions (expires_at);

-- MCP servers that stay separate and ask by introspection what a token is worth: the
-- URL that tokens are issued for, and the client that may ask about them. A row ends
-- with its client.
CREATE TABLE mcpkeep_resources (
    url        TEXT   NOT NULL PRIMARY KEY,
    client_key TEXT   NOT NULL
        CONSTRAINT mcpkeep_resources_client_key_fkey REFERENCES oauth_clients (key) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
);

CREATE INDEX mcpkeep_resources_client_key_url_idx ON mcpkeep_resources (client_key, url);

-- People, by (issuer, subject). profile (login, name, email) is sealed, and so is
-- password, the local provider's argon2id string. The password counters throttle
-- guessing across replicas.
CREATE TABLE mcpkeep_users (
    id                TEXT   NOT NULL PRIMARY KEY,
    issuer            TEXT   NOT NULL,
    subject           TEXT   NOT NULL,
    profile           TEXT   NOT NULL,
    profile_key_id    TEXT   NOT NULL REFERENCES mcpkeep_encryption_keys (active_id),
    password          TEXT,
    password_key_id   TEXT   REFERENCES mcpkeep_encryption_keys (active_id),
    password_failures BIGINT NOT NULL DEFAULT 0,
    password_retry_at BIGINT NOT NULL DEFAULT 0,
    created_at        BIGINT NOT NULL,
    last_sign_in_at   BIGINT,
    disabled_at       BIGINT,
    UNIQUE (issuer, subject),
    CHECK ((password IS NULL) = (password_key_id IS NULL))
);

CREATE INDEX mcpkeep_users_profile_key_id_idx ON mcpkeep_users (profile_key_id);
CREATE INDEX mcpkeep_users_password_key_id_idx ON mcpkeep_users (password_key_id) WHERE password_key_id IS NOT NULL;

-- Sign-ins in flight, bound to a browser by the hash of its cookie. request is sealed:
-- the client's request, and the PKCE verifier and nonce for the provider. A finished
-- row stays until it expires: finished is not unknown.
CREATE TABLE mcpkeep_authorizations (
    id             TEXT   NOT NULL PRIMARY KEY,
    client_id      TEXT   NOT NULL,
    browser_hash   TEXT   NOT NULL CHECK (length(browser_hash) = 43),
    state_hash     TEXT   UNIQUE CHECK (length(state_hash) = 43),
    request        TEXT   NOT NULL,
    request_key_id TEXT   NOT NULL REFERENCES mcpkeep_encryption_keys (active_id),
    user_id        TEXT   REFERENCES mcpkeep_users (id),
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    finished_at    BIGINT
);

CREATE INDEX mcpkeep_authorizations_client_id_idx ON mcpkeep_authorizations (client_id);
CREATE INDEX mcpkeep_authorizations_expires_at_idx ON mcpkeep_authorizations (expires_at);
CREATE INDEX mcpkeep_authorizations_request_key_id_idx ON mcpkeep_authorizations (request_key_id);

-- What a person allowed a client: the root of a family. revoked_at ends all its codes
-- and tokens. A person has one provider token, from the newest sign-in; it serves all
-- their grants. provider_lease is the latest attempt to ask the provider,
-- provider_lease_until when that attempt counts as abandoned (NULL once it ended), and
-- provider_retry_at when the provider may be asked again (NULL for any time).
-- review_at is when the cleaner next looks at the grant. Until closed_at it looks
-- whether the grant has ended, by revocation or with its last refresh token, so that
-- the provider token may go; after that, whether the last code and token are gone.
-- redirect_uri is where the grant's code went, without the port of a loopback address
-- (NULL for a session that was taken over). replaced_by is a newer grant of the same
-- person to the same installation of an app, since replaced_at; a use of the older one
-- clears both. upstream_token_id is the FastMCP session (the row
-- mcp-upstream-tokens:<id> of oauth_clients) that the grant was made of, once.
CREATE TABLE mcpkeep_grants (
    id                    TEXT   NOT NULL PRIMARY KEY,
    user_id               TEXT   NOT NULL REFERENCES mcpkeep_users (id),
    client_id             TEXT   NOT NULL,
    scope                 TEXT   NOT NULL,
    resource              TEXT   NOT NULL,
    provider_token        TEXT,
    provider_token_key_id TEXT   REFERENCES mcpkeep_encryption_keys (active_id),
    provider_checked_at   BIGINT NOT NULL,
    provider_retry_at     BIGINT,
    provider_lease        TEXT,
    provider_lease_until  BIGINT,
    created_at            BIGINT NOT NULL,
    activated_at          BIGINT,
    last_used_at          BIGINT NOT NULL,
    revoked_at            BIGINT,
    review_at             BIGINT NOT NULL DEFAULT 0,
    closed_at             BIGINT,
    redirect_uri          TEXT,
    replaced_by           TEXT,
    replaced_at           BIGINT,
    upstream_token_id     TEXT,
    CHECK ((provider_token IS NULL) = (provider_token_key_id IS NULL))
);

CREATE INDEX mcpkeep_grants_user_id_idx ON mcpkeep_grants (user_id, id);
CREATE INDEX mcpkeep_grants_client_id_idx ON mcpkeep_grants (client_id, id);
CREATE INDEX mcpkeep_grants_open_review_at_idx ON mcpkeep_grants (review_at) WHERE closed_at IS NULL;
CREATE INDEX mcpkeep_grants_closed_review_at_idx ON mcpkeep_grants (review_at) WHERE closed_at IS NOT NULL AND provider_token_key_id IS NULL;
CREATE INDEX mcpkeep_grants_provider_token_key_id_idx ON mcpkeep_grants (provider_token_key_id) WHERE provider_token_key_id IS NOT NULL;
CREATE INDEX mcpkeep_grants_provider_token_idx ON mcpkeep_grants (user_id, created_at, id) WHERE provider_token IS NOT NULL;
CREATE INDEX mcpkeep_grants_replaced_at_idx ON mcpkeep_grants (replaced_at)
    WHERE replaced_at IS NOT NULL AND revoked_at IS NULL AND closed_at IS NULL;
CREATE UNIQUE INDEX mcpkeep_grants_upstream_token_id_idx ON mcpkeep_grants (upstream_token_id) WHERE upstream_token_id IS NOT NULL;

-- Codes and tokens are stored as SHA-256 (base64url, 43 characters). Spent rows stay
-- until they expire: spent is not unknown.
CREATE TABLE mcpkeep_codes (
    code_hash      TEXT   NOT NULL PRIMARY KEY CHECK (length(code_hash) = 43),
    grant_id       TEXT   NOT NULL REFERENCES mcpkeep_grants (id) ON DELETE CASCADE,
    redirect_uri   TEXT   NOT NULL,
    code_challenge TEXT   NOT NULL CHECK (length(code_challenge) = 43),
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    spent_at       BIGINT
);

CREATE INDEX mcpkeep_codes_grant_id_idx ON mcpkeep_codes (grant_id);
CREATE INDEX mcpkeep_codes_expires_at_idx ON mcpkeep_codes (expires_at);

-- refresh_hash is the refresh token that the access token was issued with by a rotation;
-- NULL for one of a code.
CREATE TABLE mcpkeep_access_tokens (
    token_hash   TEXT   NOT NULL PRIMARY KEY CHECK (length(token_hash) = 43),
    grant_id     TEXT   NOT NULL REFERENCES mcpkeep_grants (id) ON DELETE CASCADE,
    scope        TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    refresh_hash TEXT
);

CREATE INDEX mcpkeep_access_tokens_grant_id_idx ON mcpkeep_access_tokens (grant_id);
CREATE INDEX mcpkeep_access_tokens_expires_at_idx ON mcpkeep_access_tokens (expires_at);

-- successor is the sealed pair of tokens that a repeated refresh gets during the grace
-- window. first_used_at is the first use of the token or of an access token issued with
-- it, if use_tracked.
CREATE TABLE mcpkeep_refresh_tokens (
    token_hash       TEXT    NOT NULL PRIMARY KEY CHECK (length(token_hash) = 43),
    grant_id         TEXT    NOT NULL REFERENCES mcpkeep_grants (id) ON DELETE CASCADE,
    created_at       BIGINT  NOT NULL,
    expires_at       BIGINT  NOT NULL,
    spent_at         BIGINT,
    successor_hash   TEXT    CHECK (length(successor_hash) = 43),
    successor        TEXT,
    successor_key_id TEXT    REFERENCES mcpkeep_encryption_keys (active_id),
    use_tracked      BOOLEAN NOT NULL DEFAULT FALSE,
    first_used_at    BIGINT,
    CHECK ((spent_at IS NULL) = (successor_hash IS NULL)),
    CHECK ((successor IS NULL) = (successor_key_id IS NULL))
);

CREATE INDEX mcpkeep_refresh_tokens_grant_id_idx ON mcpkeep_refresh_tokens (grant_id);
CREATE INDEX mcpkeep_refresh_tokens_expires_at_idx ON mcpkeep_refresh_tokens (expires_at);
CREATE INDEX mcpkeep_refresh_tokens_spent_at_idx ON mcpkeep_refresh_tokens (spent_at) WHERE successor_key_id IS NOT NULL;
CREATE INDEX mcpkeep_refresh_tokens_successor_key_id_idx ON mcpkeep_refresh_tokens (successor_key_id) WHERE successor_key_id IS NOT NULL;

-- Tokens of FastMCP that were taken over, each also an access or a refresh token, with the
-- jti by which FastMCP knows it: what ends here has to end there.
CREATE TABLE mcpkeep_adopted_tokens (
    token_hash TEXT NOT NULL PRIMARY KEY CHECK (length(token_hash) = 43),
    grant_id   TEXT NOT NULL REFERENCES mcpkeep_grants (id) ON DELETE CASCADE,
    jti        TEXT NOT NULL
);

CREATE INDEX mcpkeep_adopted_tokens_grant_id_idx ON mcpkeep_adopted_tokens (grant_id, jti);

-- Sessions that are being taken over, or could not be. One replica asks the provider whose
-- they are: the one with the lease, until lease_until or until it has its answer (NULL).
-- doubtful: a renewal of the provider's token was sent and its answer was lost.
-- began_at is the first attempt, retry_at when the next one may be made, and refused_at when
-- the provider or the policy refused.
CREATE TABLE mcpkeep_adoptions (
    upstream_token_id TEXT    NOT NULL PRIMARY KEY,
    lease             TEXT    NOT NULL,
    lease_until       BIGINT,
    doubtful          BOOLEAN NOT NULL DEFAULT FALSE,
    began_at          BIGINT  NOT NULL,
    retry_at          BIGINT,
    refused_at        BIGINT
);

CREATE INDEX mcpkeep_adoptions_began_at_idx ON mcpkeep_adoptions (began_at);

-- Rows of a FastMCP store outside of the database that were imported. key_hash comes from
-- COLLECTION:KEY. A row is imported once: one that has ended here since must not come
-- back when the import runs again.
CREATE TABLE mcpkeep_imported_rows (
    key_hash    TEXT   NOT NULL PRIMARY KEY CHECK (length(key_hash) = 43),
    imported_at BIGINT NOT NULL
);

-- What HTTPS by MCPKEEP_TLS=auto keeps: certificates, their private keys, the account
-- at the certificate authority and the challenges under way. name is a path, such as
-- certificates/DIRECTORY/NAME/NAME.key. The rows are few: some for each name that a
-- certificate is for.
CREATE TABLE mcpkeep_tls (
    name         TEXT   NOT NULL PRIMARY KEY,
    value        TEXT   NOT NULL,
    value_key_id TEXT   NOT NULL
        CONSTRAINT mcpkeep_tls_value_key_id_fkey REFERENCES mcpkeep_encryption_keys (active_id),
    updated_at   BIGINT NOT NULL
);

CREATE INDEX mcpkeep_tls_value_key_id_idx ON mcpkeep_tls (value_key_id);

-- The audit trail: who did what, about which person, client and grant, and when. Rows
-- are added in the transaction of the step they record and deleted when they are old.
-- They hold no secret, and no foreign key, so that they outlive what they are about.
-- Ids sort by time (UUID version 7).
CREATE TABLE mcpkeep_events (
    id         TEXT   NOT NULL PRIMARY KEY,
    type       TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    user_id    TEXT,
    client_id  TEXT,
    grant_id   TEXT,
    reference  TEXT,
    detail     TEXT,
    created_at BIGINT NOT NULL
);

CREATE INDEX mcpkeep_events_created_at_idx ON mcpkeep_events (created_at);
CREATE INDEX mcpkeep_events_type_idx ON mcpkeep_events (type, id);
CREATE INDEX mcpkeep_events_user_id_idx ON mcpkeep_events (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX mcpkeep_events_client_id_idx ON mcpkeep_events (client_id, id) WHERE client_id IS NOT NULL;
CREATE INDEX mcpkeep_events_grant_id_idx ON mcpkeep_events (grant_id, id) WHERE grant_id IS NOT NULL;

-- Marks of transactions that leave no event: when the answer to a commit is lost, the
-- mark tells whether it happened.
CREATE TABLE mcpkeep_commits (
    id         TEXT   NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE INDEX mcpkeep_commits_created_at_idx ON mcpkeep_commits (created_at);

-- Work that one replica does at a time: the one that holds the row until it expires.
CREATE TABLE mcpkeep_leases (
    name       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,
    expires_at BIGINT NOT NULL
);

INSERT INTO mcpkeep_leases (name, holder, expires_at) VALUES ('cleaner', '', 0);

-- +goose Down

-- oauth_clients stays: it may be another program's, and its rows keep every client
-- registered. Migrating up again adopts it.
DROP TABLE mcpkeep_leases;
DROP TABLE mcpkeep_commits;
DROP TABLE mcpkeep_events;
DROP TABLE mcpkeep_tls;
DROP TABLE mcpkeep_imported_rows;
DROP TABLE mcpkeep_adoptions;
DROP TABLE mcpkeep_adopted_tokens;
DROP TABLE mcpkeep_refresh_tokens;
DROP TABLE mcpkeep_access_tokens;
DROP TABLE mcpkeep_codes;
DROP TABLE mcpkeep_grants;
DROP TABLE mcpkeep_authorizations;
DROP TABLE mcpkeep_users;
DROP TABLE mcpkeep_resources;
DROP TABLE mcpkeep_client_assertions;
DROP TABLE mcpkeep_unknown_clients;
DROP TABLE mcpkeep_document_probes;
DROP TABLE mcpkeep_client_documents;
DROP TABLE mcpkeep_client_counts;
DROP INDEX mcpkeep_clients_unused_since_idx;
DROP INDEX mcpkeep_clients_value_key_id_idx;
ALTER TABLE oauth_clients DROP COLUMN unused_since;
ALTER TABLE oauth_clients DROP COLUMN value_key_id;
ALTER TABLE oauth_clients DROP COLUMN last_used_at;
DROP TABLE mcpkeep_encryption_keys;
DROP TABLE mcpkeep_instance;
