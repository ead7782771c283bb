-- +goose Up

-- When the provider authenticated the person themselves. A sign-in alone does not tell: the
-- provider may have had a session of its own. NULL when it did not say.
ALTER TABLE mcpkeep_browser_sessions ADD COLUMN authenticated_at BIGINT;

-- +goose Down

ALTER TABLE mcpkeep_browser_sessions DROP COLUMN authenticated_at;
