use std::ffi::OsString;

use schemas::event::Event;

use super::*;
use crate::cli::{self, Command};

fn send(line: &str) -> SendArgs {
    let cli = cli::parse(line.split_whitespace().map(OsString::from)).expect("a valid line");
    let Command::Send(args) = cli.command else {
        panic!("{line} is no send")
    };
    args
}

fn event(line: &str, data: Option<&[u8]>, number: Option<u64>) -> Event {
    Composer::new(&send(line))
        .event(data.map(<[u8]>::to_vec), number)
        .expect("a valid event")
}

#[test]
fn the_content_type_follows_the_data_unless_it_is_given() {
    for (line, data, expected) in [
        ("heddle send --type t", r#"{"a":1}"#, "application/json"),
        ("heddle send --type t", "hello", "text/plain"),
        (
            "heddle send --type t --data x --content-type text/csv",
            "1,2",
            "text/csv",
        ),
    ] {
        assert_eq!(
            event(line, Some(data.as_bytes()), None).data_content_type(),
            Some(expected),
            "{data}"
        );
    }
    assert_eq!(
        event("heddle send --type t", None, None).data_content_type(),
        None
    );
}

#[test]
fn data_that_is_neither_json_nor_text_needs_a_content_type() {
    let args = send("heddle send --type t");
    let failure = Composer::new(&args)
        .event(Some(vec![0xff, 0xfe]), None)
        .unwrap_err();
    assert_eq!(failure.exit(), Exit::Usage);
}

#[test]
fn ids_are_new_given_or_numbered() {
    let line = "heddle send --type t --id order --data - --lines";
    assert_eq!(event(line, None, Some(7)).id(), "order-7");
    assert_eq!(event("heddle send --type t --id order", None, None).id(), "order");
    let fresh = |()| event("heddle send --type t", None, None).id().to_owned();
    assert_ne!(fresh(()), fresh(()));
}

#[test]
fn an_invalid_attribute_is_a_usage_error() {
    for line in [
        "heddle send --type t --ext Bad_Name=x",
        "heddle send --type t --source= ",
    ] {
        let args = send(line);
        let failure = Composer::new(&args).event(None, None).unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage, "{line}");
    }
}

#[test]
fn a_carriage_return_at_the_end_of_a_line_is_no_data() {
    for (line, expected) in [("a\r", "a"), ("a", "a"), ("", ""), ("\r", ""), ("a\rb", "a\rb")] {
        assert_eq!(
            without_carriage_return(line.as_bytes().to_vec()),
            expected.as_bytes(),
            "{line:?}"
        );
    }
}

#[test]
fn the_summary_counts_and_the_outcome_follows() {
    let args = send("heddle send --type t --broker shop/orders");
    let mut summary = Summary::default();
    for _ in 0..3 {
        summary.record(Delivered::Accepted { put_off: 0 });
    }
    assert_eq!(summary.text(&args), "sent 3 events to shop/orders (3 accepted)");
    summary.record(Delivered::Refused {
        complaint: "too big".to_owned(),
        put_off: 2,
    });
    assert_eq!(
        summary.text(&args),
        "sent 4 events to shop/orders (3 accepted); put off 2 times by a busy broker"
    );
    assert_eq!(summary.outcome().unwrap_err().exit(), Exit::Data);
}
