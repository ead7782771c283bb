-- name: CreateRefusedAccount :exec
INSERT INTO mcpkeep_refused_accounts (event_id, account, account_key_id) VALUES (@event_id, @account, @account_key_id);

-- name: ListRefusedAccounts :many
SELECT * FROM mcpkeep_refused_accounts
WHERE event_id >= @first AND event_id <= @last
ORDER BY event_id;
