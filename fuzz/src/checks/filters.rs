//! What filters are made of: pointers, numbers, wildcards and networks, each against a slower way to the same answer.

use schemas::event::{DataForm, Event, EventBuilder};
use schemas::filter::{Comparison, Filter, Network, Number, Pointer, Test, Wildcard};

/// Longest text that the slow way is asked about, in bytes: it takes the square of it.
const SLOW_BYTES_MAX: usize = 2_000;

/// A line with what a filter says, then the value that it looks at: text, or data in JSON.
pub fn filters(data: &[u8]) {
    let (line, value) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (data, &[][..]),
    };
    let Ok(line) = std::str::from_utf8(line) else {
        return;
    };
    pointer(line, value);
    if let Ok(value) = std::str::from_utf8(value) {
        wildcard(line, value);
        number(line, value);
        network(line, value);
    }
}

/// As the general reader of JSON finds it.
fn pointer(line: &str, data: &[u8]) {
    let Ok(pointer) = Pointer::try_from(line.to_owned()) else {
        return;
    };
    assert_eq!(pointer.to_string(), line);
    let event = with_data(data);
    let exists = agrees(&Filter::Data(pointer.clone(), Test::Exists(true)), &event);
    let absent = agrees(&Filter::Data(pointer.clone(), Test::Exists(false)), &event);
    assert_ne!(exists, absent);
    let Ok(whole) = serde_json::from_slice::<serde_json::Value>(data) else {
        return;
    };
    let found = whole.pointer(line);
    assert_eq!(exists, found.is_some());
    if let Some(text) = found.and_then(serde_json::Value::as_str) {
        assert!(agrees(
            &Filter::Data(pointer, Test::Equals(text.to_owned())),
            &event
        ));
    }
}

fn wildcard(line: &str, value: &str) {
    let pattern = Wildcard::from(line.to_owned());
    assert_eq!(pattern.to_string(), line);
    let fits = pattern.matches(value);
    if line.len().max(value.len()) <= SLOW_BYTES_MAX {
        assert_eq!(fits, fits_slowly(line, value));
    }
}

/// One row a part of the pattern: after how many characters of the text it may end.
fn fits_slowly(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    let mut parts = pattern.chars();
    while let Some(part) = parts.next() {
        let wanted = match part {
            '*' => {
                let first = ends.iter().position(|end| *end).unwrap_or(ends.len());
                ends[first..].fill(true);
                continue;
            }
            '?' => None,
            '\\' => Some(parts.next().unwrap_or('\\')),
            other => Some(other),
        };
        for at in (0..text.len()).rev() {
            ends[at + 1] = ends[at] && wanted.is_none_or(|wanted| wanted == text[at]);
        }
        ends[0] = false;
    }
    ends[text.len()]
}

/// Of two numbers exactly one of less, equal and greater holds, and the other way round the other one.
fn number(line: &str, value: &str) {
    let Ok(number) = line.parse::<Number>() else {
        return;
    };
    let holds = |comparison, number: &Number, value: &str| {
        let test = Test::Compare(comparison, number.clone());
        // A string in the data may be any text; an attribute may not.
        let data = serde_json::to_vec(value).expect("text is JSON");
        let root = Pointer::try_from(String::new()).expect("the whole has a pointer");
        agrees(&Filter::Data(root, test), &with_data(&data))
    };
    let of_three = |number: &Number, value: &str| {
        [Comparison::Less, Comparison::Equal, Comparison::Greater]
            .map(|comparison| holds(comparison, number, value))
    };
    let [less, equal, greater] = of_three(&number, value);
    let Ok(other) = value.parse::<Number>() else {
        assert!(!less && !equal && !greater);
        return;
    };
    assert_eq!(u8::from(less) + u8::from(equal) + u8::from(greater), 1);
    assert_eq!(of_three(&other, line), [greater, equal, less]);
    assert_eq!(holds(Comparison::LessOrEqual, &number, value), !greater);
    assert_eq!(holds(Comparison::GreaterOrEqual, &number, value), !less);
    assert_eq!(holds(Comparison::NotEqual, &number, value), !equal);
    if let (Ok(line), Ok(value)) = (line.parse::<i128>(), value.parse::<i128>()) {
        assert_eq!(
            [less, equal, greater],
            [value < line, value == line, value > line]
        );
    }
}

fn network(line: &str, value: &str) {
    let Ok(network) = line.parse::<Network>() else {
        return;
    };
    assert_eq!(network.to_string().parse(), Ok(network));
    if let Ok(event) = base().subject(value).build() {
        let test = Test::Cidr(vec![network]);
        agrees(&Filter::Attribute("subject".to_owned(), test), &event);
    }
}

/// What the filter says: the same when it explains itself, when it is negated and when it comes back from the disk.
fn agrees(filter: &Filter, event: &Event) -> bool {
    let matches = filter.matches(event);
    assert_eq!(filter.explain(event).holds, matches);
    assert_eq!(Filter::Not(Box::new(filter.clone())).matches(event), !matches);
    let stored = serde_json::to_vec(filter).expect("a filter can be stored");
    assert_eq!(
        serde_json::from_slice::<Filter>(&stored).ok().as_ref(),
        Some(filter)
    );
    matches
}

/// An event with this text as its data, said to be JSON.
fn with_data(data: &[u8]) -> Event {
    base()
        .data_content_type("application/json")
        .data(DataForm::Binary, data.to_vec())
        .build()
        .expect("any bytes may be data")
}

fn base() -> EventBuilder {
    Event::builder().id("1").source("/fuzz").ty("fuzz")
}
