//! Black-box suites: the real binary on free ports, with real servers around it. One binary, a module a theme.

mod servers;
