//! Joins words and bytes: ingest, subscriptions and their settlement, dead letters.
