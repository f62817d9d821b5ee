//! The ports Ledger, State and Tenants over MySQL 8; migrations and roles.
