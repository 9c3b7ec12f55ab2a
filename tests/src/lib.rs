//! What the black-box suites share: the process under test, servers, sinks, producers.
