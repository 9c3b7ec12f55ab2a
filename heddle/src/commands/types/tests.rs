use clap::Parser;
use serde_json::json;

use super::*;
use crate::cli::{Cli, Command};

fn path_of(arguments: &[&str]) -> String {
    let cli = Cli::try_parse_from(["heddle", "types"].iter().chain(arguments)).expect("legal arguments");
    match cli.command {
        Command::Types(TypesCommand::List(args)) => path(None, &args.which),
        Command::Types(TypesCommand::Show(args)) => path(Some(&args.ty), &args.which),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_type_may_hold_what_means_something_in_a_path() {
    assert_eq!(path_of(&["list"]), "/api/v1/types");
    assert_eq!(
        path_of(&["show", "a/b?c", "--broker", "default/b"]),
        "/api/v1/types/a%2Fb%3Fc?broker=default%2Fb"
    );
}

#[test]
fn what_is_shown_names_every_source_and_who_declared_it() {
    let item = json!({
        "type": "t", "broker": "default/b", "count": 2, "firstSeen": "2024-01-01T00:00:00Z",
        "sources": ["/a", "/b"], "moreSources": true,
        "declared": [{"name": "default/t", "description": "an order"}],
    });
    let text = for_people(&item);
    for line in [
        "source       /a\n",
        "source       /b\n",
        "... and more",
        "declared by  default/t",
        "description  an order",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert_eq!(source(&item), "/a ...");
}
