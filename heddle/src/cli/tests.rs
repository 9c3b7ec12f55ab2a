use std::path::PathBuf;
use std::time::Duration;

use super::query::Kind;
use super::*;

fn parsed(line: &str) -> Result<Cli, Exit> {
    parse(line.split_whitespace().map(OsString::from))
}

fn command(line: &str) -> Command {
    parsed(line)
        .unwrap_or_else(|exit| panic!("{line}: {exit:?}"))
        .command
}

#[test]
fn the_command_line_is_consistent() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

#[test]
fn a_usage_error_ends_with_64_and_help_with_0() {
    for line in [
        "heddle",
        "heddle frobnicate",
        "heddle run",
        "heddle get nonsense",
        "heddle send",
    ] {
        assert_eq!(parsed(line).err(), Some(Exit::Usage), "{line}");
    }
    for line in ["heddle --help", "heddle --version", "heddle run --help"] {
        assert_eq!(parsed(line).err(), Some(Exit::Done), "{line}");
    }
}

#[test]
fn config_takes_several_values_and_may_be_repeated() {
    let Command::Run(run) = command("heddle run --config a b --data d --config c") else {
        panic!("run")
    };
    assert_eq!(run.config, ["a", "b", "c"].map(PathBuf::from));
}

#[test]
fn kinds_are_singular_or_plural() {
    for (line, kind) in [
        ("heddle get trigger echo", Kind::Triggers),
        ("heddle get triggers", Kind::Triggers),
        ("heddle get broker", Kind::Brokers),
        ("heddle get endpoints", Kind::Endpoints),
        ("heddle get source", Kind::Sources),
    ] {
        let Command::Get(get) = command(line) else {
            panic!("get")
        };
        assert_eq!(get.kind, kind, "{line}");
    }
}

#[test]
fn durations_are_friendly_or_iso() {
    for (text, expected) in [
        ("30s", Some(Duration::from_secs(30))),
        ("500ms", Some(Duration::from_millis(500))),
        ("1m30s", Some(Duration::from_secs(90))),
        ("PT5S", Some(Duration::from_secs(5))),
        ("-3s", None),
        ("soon", None),
    ] {
        assert_eq!(duration::parse(text).ok(), expected, "{text}");
    }
}

#[test]
fn data_may_be_standard_input_and_extensions_are_pairs() {
    let Command::Send(send) = command("heddle send --type t --data - --lines --ext a=b=c --ext d=") else {
        panic!("send")
    };
    assert_eq!(send.data.as_deref(), Some("-"));
    assert_eq!(
        send.extensions,
        [("a".into(), "b=c".into()), ("d".into(), String::new())]
    );
    assert_eq!(
        parsed("heddle send --type t --ext nonsense").err(),
        Some(Exit::Usage)
    );
}

#[test]
fn the_admin_api_goes_by_either_flag() {
    for line in ["heddle tail --url http://a:1", "heddle tail --admin http://a:1"] {
        let Command::Tail(tail) = command(line) else {
            panic!("tail")
        };
        assert_eq!(tail.admin.admin, "http://a:1");
    }
}
