-- The rights of a role that serves and does not migrate. Run it with psql as the role
-- that ran `mcpkeep migrate up`, after the first migration and after each upgrade
-- that adds tables:
--
--   psql "$OWNER_URL" -v ON_ERROR_STOP=1 -v role=mcpkeep_serve -v schema=public -f deploy/grants.sql
--
-- Where the application owns oauth_clients, the owner or a member of its role runs it.

GRANT USAGE ON SCHEMA :"schema" TO :"role";

GRANT SELECT, INSERT, UPDATE, DELETE ON
    :"schema".mcpkeep_access_tokens,
    :"schema".mcpkeep_adopted_tokens,
    :"schema".mcpkeep_adoptions,
    :"schema".mcpkeep_authorizations,
    :"schema".mcpkeep_browser_sessions,
    :"schema".mcpkeep_client_assertions,
    :"schema".mcpkeep_client_counts,
    :"schema".mcpkeep_client_documents,
    :"schema".mcpkeep_codes,
    :"schema".mcpkeep_commits,
    :"schema".mcpkeep_document_probes,
    :"schema".mcpkeep_encryption_keys,
    :"schema".mcpkeep_event_log,
    :"schema".mcpkeep_events,
    :"schema".mcpkeep_grants,
    :"schema".mcpkeep_imported_rows,
    :"schema".mcpkeep_instance,
    :"schema".mcpkeep_leases,
    :"schema".mcpkeep_personal_tokens,
    :"schema".mcpkeep_refresh_tokens,
    :"schema".mcpkeep_refused_accounts,
    :"schema".mcpkeep_replicas,
    :"schema".mcpkeep_resources,
    :"schema".mcpkeep_signing_keys,
    :"schema".mcpkeep_tls,
    :"schema".mcpkeep_unknown_clients,
    :"schema".mcpkeep_users,
    :"schema".oauth_clients
TO :"role";

-- Only migrations write it.
GRANT SELECT ON :"schema".mcpkeep_schema_version TO :"role";
