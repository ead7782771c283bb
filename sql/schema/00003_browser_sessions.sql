-- +goose Up

-- Sign-ins at the page of your own connections, by the hash of their cookie. They open
-- nothing else. expires_at moves on with each use, but not for longer than a session lasts.
CREATE TABLE mcpkeep_browser_sessions (
    session_hash TEXT   NOT NULL PRIMARY KEY CHECK (length(session_hash) = 43),
    user_id      TEXT   NOT NULL
        CONSTRAINT mcpkeep_browser_sessions_user_id_fkey REFERENCES mcpkeep_users (id),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);

CREATE INDEX mcpkeep_browser_sessions_user_id_idx ON mcpkeep_browser_sessions (user_id);
CREATE INDEX mcpkeep_browser_sessions_expires_at_idx ON mcpkeep_browser_sessions (expires_at);

-- +goose Down

DROP TABLE mcpkeep_browser_sessions;
