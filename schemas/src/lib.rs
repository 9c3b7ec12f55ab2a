//! The words of Heddle: events, their wire codecs, resource kinds and filters.
