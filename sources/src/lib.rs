//! Turns outside events into CloudEvents and hands them to the broker.
