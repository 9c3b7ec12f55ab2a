//! Triggers: matching, delivery, retry, replies and dead-lettering.
