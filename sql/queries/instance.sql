-- name: GetInstanceID :one
SELECT instance_id FROM mcpkeep_instance WHERE id = 1;

-- name: CreateInstanceID :exec
INSERT INTO mcpkeep_instance (id, instance_id) VALUES (1, @instance_id) ON CONFLICT (id) DO NOTHING;
