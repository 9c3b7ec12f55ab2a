//! Black-box suites: the real binary on free ports, with real servers around it. One binary, a module a theme.

mod cli;
mod config;
mod crash;
mod delivery;
mod ingress;
mod routing;
mod servers;
mod sources;
