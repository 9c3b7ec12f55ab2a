//! The `heddle` binary.

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the commands that use it come with the servers")
)]
mod config;

fn main() {}
