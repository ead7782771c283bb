-- name: CreateCommit :exec
INSERT INTO mcpkeep_commits (id, created_at) VALUES (@id, CAST(@now AS BIGINT));

-- name: DeleteOldCommits :execrows
DELETE FROM mcpkeep_commits WHERE id IN (
    SELECT c.id FROM mcpkeep_commits c
    WHERE c.created_at <= @created_until ORDER BY c.created_at LIMIT CAST(@max_rows AS BIGINT));
