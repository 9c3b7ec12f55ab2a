//! Black-box suites: the real binary on free ports, with real servers around it. One binary, a module a theme.

mod again;
mod cli;
mod compose;
mod config;
mod crash;
mod curl;
mod dedupe;
mod delivery;
mod dev;
mod disk;
mod edits;
mod ingress;
mod interop;
mod lifecycle;
mod ordered;
mod position;
mod pressure;
mod readme;
mod retention;
mod routing;
mod servers;
mod sources;
mod sql;
mod types;
