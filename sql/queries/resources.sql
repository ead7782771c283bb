-- name: CreateResource :exec
INSERT INTO mcpkeep_resources (url, client_key, created_at) VALUES (@url, @client_key, @created_at);

-- name: GetResource :one
SELECT * FROM mcpkeep_resources WHERE url = @url;

-- name: ListResourcesOfClient :many
SELECT * FROM mcpkeep_resources WHERE client_key = @client_key ORDER BY url;
