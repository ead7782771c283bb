-- Run this once on the database mcpkeep as the user postgres, before the first migration, for
-- instance in Cloud SQL Studio. setup.sh fills in the project.
--
-- The account that migrates owns the tables. It gives the service's account the right to read
-- and write rows (`mcpkeep migrate up --grant`), and to nothing else.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO "mcpkeep-migrate@${PROJECT}.iam";
GRANT USAGE ON SCHEMA public TO "mcpkeep@${PROJECT}.iam";
