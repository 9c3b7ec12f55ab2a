use std::ffi::OsString;

use super::*;
use crate::cli::{self, Command};

fn access(arguments: &str) -> Result<Access, Exit> {
    let line = format!("heddle dev {arguments}");
    let cli = cli::parse(line.split_whitespace().map(OsString::from)).expect("a valid line");
    let Command::Dev(dev) = cli.command else {
        panic!("dev")
    };
    Access::new(&dev.node).map_err(|failure| failure.exit())
}

#[test]
fn an_admin_address_that_others_reach_needs_a_token_or_an_explicit_word() {
    assert_eq!(access("--admin 0.0.0.0:9090").err(), Some(Exit::Usage));
    assert!(access("--admin 0.0.0.0:9090 --admin-open").is_ok());
    assert!(access("--admin 127.0.0.1:0").is_ok());
    assert!(access("--admin [::1]:9090").is_ok());
}

#[test]
fn a_token_file_guards_its_listener_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "secret\n").unwrap();
    let access = access(&format!(
        "--admin 0.0.0.0:0 --admin-token-file {}",
        path.display()
    ))
    .unwrap();
    assert!(matches!(access.admin, Guard::Bearer(_)));
    assert!(matches!(access.ingress, Guard::Open));
}

#[test]
fn a_token_file_that_is_not_there_is_an_io_failure() {
    assert_eq!(access("--ingress-token-file /no/such/file").err(), Some(Exit::Io));
}
