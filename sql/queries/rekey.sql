-- Re-encryption. Of each sealed column there is a page of the rows that are not
-- sealed with the primary key, and a write that changes a row only if it is as it
-- was read. "<>" makes both engines walk the primary key, as pages need.

-- name: ListProfilesToRekey :many
SELECT id AS row_id, profile AS token, profile_key_id AS key_id FROM mcpkeep_users
WHERE profile_key_id <> @primary_id AND id > @after
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyProfile :exec
UPDATE mcpkeep_users SET profile = @token, profile_key_id = @key_id
WHERE id = @row_id AND profile = @old_token;

-- name: ListPasswordsToRekey :many
SELECT id AS row_id, CAST(password AS TEXT) AS token, CAST(password_key_id AS TEXT) AS key_id FROM mcpkeep_users
WHERE password_key_id <> CAST(@primary_id AS TEXT) AND id > @after
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyPassword :exec
UPDATE mcpkeep_users SET password = CAST(@token AS TEXT), password_key_id = CAST(@key_id AS TEXT)
WHERE id = @row_id AND password = CAST(@old_token AS TEXT);

-- name: ListRequestsToRekey :many
SELECT id AS row_id, request AS token, request_key_id AS key_id FROM mcpkeep_authorizations
WHERE request_key_id <> @primary_id AND id > @after
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyRequest :exec
UPDATE mcpkeep_authorizations SET request = @token, request_key_id = @key_id
WHERE id = @row_id AND request = @old_token;

-- name: ListProviderTokensToRekey :many
SELECT id AS row_id, CAST(provider_token AS TEXT) AS token, CAST(provider_token_key_id AS TEXT) AS key_id FROM mcpkeep_grants
WHERE provider_token_key_id <> CAST(@primary_id AS TEXT) AND id > @after
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyProviderToken :exec
UPDATE mcpkeep_grants SET provider_token = CAST(@token AS TEXT), provider_token_key_id = CAST(@key_id AS TEXT)
WHERE id = @row_id AND provider_token = CAST(@old_token AS TEXT);

-- name: ListSuccessorsToRekey :many
SELECT token_hash AS row_id, CAST(successor AS TEXT) AS token, CAST(successor_key_id AS TEXT) AS key_id FROM mcpkeep_refresh_tokens
WHERE successor_key_id <> CAST(@primary_id AS TEXT) AND token_hash > @after
ORDER BY token_hash
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeySuccessor :exec
UPDATE mcpkeep_refresh_tokens SET successor = CAST(@token AS TEXT), successor_key_id = CAST(@key_id AS TEXT)
WHERE token_hash = @row_id AND successor = CAST(@old_token AS TEXT);

-- name: ListTLSValuesToRekey :many
SELECT name AS row_id, value AS token, value_key_id AS key_id FROM mcpkeep_tls
WHERE value_key_id <> @primary_id AND name > @after
ORDER BY name
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyTLSValue :exec
UPDATE mcpkeep_tls SET value = @token, value_key_id = @key_id
WHERE name = @row_id AND value = @old_token;

-- name: ListSigningKeysToRekey :many
SELECT id AS row_id, private_key AS token, private_key_key_id AS key_id FROM mcpkeep_signing_keys
WHERE private_key_key_id <> @primary_id AND id > @after
ORDER BY id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeySigningKey :exec
UPDATE mcpkeep_signing_keys SET private_key = @token, private_key_key_id = @key_id
WHERE id = @row_id AND private_key = @old_token;

-- name: ListPersonalTokensToRekey :many
SELECT grant_id AS row_id, name AS token, name_key_id AS key_id FROM mcpkeep_personal_tokens
WHERE name_key_id <> @primary_id AND grant_id > @after
ORDER BY grant_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyPersonalToken :exec
UPDATE mcpkeep_personal_tokens SET name = @token, name_key_id = @key_id
WHERE grant_id = @row_id AND name = @old_token;

-- name: ListRefusedAccountsToRekey :many
SELECT event_id AS row_id, account AS token, account_key_id AS key_id FROM mcpkeep_refused_accounts
WHERE account_key_id <> @primary_id AND event_id > @after
ORDER BY event_id
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeyRefusedAccount :exec
UPDATE mcpkeep_refused_accounts SET account = @token, account_key_id = @key_id
WHERE event_id = @row_id AND account = @old_token;

-- name: ListSharedRows :many
SELECT key, value, value_key_id FROM oauth_clients
WHERE key > @after
ORDER BY key
LIMIT CAST(@max_rows AS BIGINT);

-- name: RekeySharedRow :exec
UPDATE oauth_clients SET value = @value, value_key_id = @value_key_id
WHERE key = @key AND CAST(value AS TEXT) = CAST(@old_value AS TEXT);

-- name: CountSealedRows :many
SELECT 'oauth_clients' AS table_name, 'value' AS column_name, COALESCE(value_key_id, '') AS key_id, COUNT(*) AS row_count
FROM oauth_clients GROUP BY value_key_id
UNION ALL
SELECT 'mcpkeep_users', 'profile', profile_key_id, COUNT(*) FROM mcpkeep_users GROUP BY profile_key_id
UNION ALL
SELECT 'mcpkeep_users', 'password', password_key_id, COUNT(*) FROM mcpkeep_users
WHERE password_key_id IS NOT NULL GROUP BY password_key_id
UNION ALL
SELECT 'mcpkeep_authorizations', 'request', request_key_id, COUNT(*) FROM mcpkeep_authorizations GROUP BY request_key_id
UNION ALL
SELECT 'mcpkeep_grants', 'provider_token', provider_token_key_id, COUNT(*) FROM mcpkeep_grants
WHERE provider_token_key_id IS NOT NULL GROUP BY provider_token_key_id
UNION ALL
SELECT 'mcpkeep_refresh_tokens', 'successor', successor_key_id, COUNT(*) FROM mcpkeep_refresh_tokens
WHERE successor_key_id IS NOT NULL GROUP BY successor_key_id
UNION ALL
SELECT 'mcpkeep_tls', 'value', value_key_id, COUNT(*) FROM mcpkeep_tls GROUP BY value_key_id
UNION ALL
SELECT 'mcpkeep_signing_keys', 'private_key', private_key_key_id, COUNT(*) FROM mcpkeep_signing_keys GROUP BY private_key_key_id
UNION ALL
SELECT 'mcpkeep_personal_tokens', 'name', name_key_id, COUNT(*) FROM mcpkeep_personal_tokens GROUP BY name_key_id
UNION ALL
SELECT 'mcpkeep_refused_accounts', 'account', account_key_id, COUNT(*) FROM mcpkeep_refused_accounts GROUP BY account_key_id;
