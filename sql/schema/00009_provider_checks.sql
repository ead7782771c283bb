-- provider_retry_at: when the provider wants to be asked about the person again,
-- NULL for at any time. provider_lease is the latest attempt to ask it, and
-- provider_lease_until is when the attempt counts as abandoned, NULL once it has
-- ended. A person has one provider token, of the newest sign-in; it serves all
-- their grants and outlives the one it came with while another lives.

-- +goose Up
ALTER TABLE oauth_grants ADD COLUMN provider_retry_at BIGINT;

-- +goose Down
ALTER TABLE oauth_grants DROP COLUMN provider_retry_at;
