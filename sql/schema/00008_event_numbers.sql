-- +goose Up

-- The number of an event that was committed. IDs are made before, so that one may appear
-- before another that was read already; numbers are given later, in one order for all, to
-- events that are there: what is read by number, from the last one on, is complete. A
-- program of an earlier version leaves it out.
ALTER TABLE mcpkeep_events ADD COLUMN number BIGINT;

CREATE UNIQUE INDEX mcpkeep_events_number_idx ON mcpkeep_events (number) WHERE number IS NOT NULL;
CREATE INDEX mcpkeep_events_no_number_idx ON mcpkeep_events (id) WHERE number IS NULL;

-- One row. last_number is the last number that was given, and is locked while the next ones
-- are given. logged_number is the last one whose event is in the log, of events since
-- logged_since; both are null until events are logged.
CREATE TABLE mcpkeep_event_log (
    id            BIGINT NOT NULL PRIMARY KEY
        CONSTRAINT mcpkeep_event_log_id_check CHECK (id = 1),
    last_number   BIGINT NOT NULL,
    logged_number BIGINT,
    logged_since  BIGINT
);

INSERT INTO mcpkeep_event_log (id, last_number) VALUES (1, 0);
INSERT INTO mcpkeep_leases (name, holder, expires_at) VALUES ('event-log', '', 0);

-- +goose Down

DELETE FROM mcpkeep_leases WHERE name = 'event-log';
DROP TABLE mcpkeep_event_log;
DROP INDEX mcpkeep_events_no_number_idx;
DROP INDEX mcpkeep_events_number_idx;
ALTER TABLE mcpkeep_events DROP COLUMN number;
