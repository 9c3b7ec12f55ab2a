use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;

use schemas::filter::{Sql, Test};

use super::*;
use crate::testing::{name, stored};

fn build(ty: &str, source: &str, extension: Option<&str>) -> Event {
    let builder = Event::builder().id("1").ty(ty).source(source);
    let builder = match extension {
        Some(value) => builder.attribute("region", value).unwrap(),
        None => builder,
    };
    builder.build().unwrap()
}

fn matched(index: &TriggerIndex, event: &Event) -> Vec<u64> {
    let mut ids = Vec::new();
    index.match_one(&name("default/default"), event, &mut |id| ids.push(id.0));
    ids.sort_unstable();
    ids
}

fn indexed(filters: &[Filter]) -> TriggerIndex {
    let numbered = filters.iter().zip(0..);
    TriggerIndex::new(
        numbered.map(|(filter, id)| (SubscriptionId(id), name("default/default"), filter.clone())),
    )
}

/// The attributes that triggers are filed under.
fn shelves(index: &TriggerIndex) -> Vec<&str> {
    let broker = index.brokers.values().next().unwrap();
    broker
        .shelves
        .iter()
        .map(|shelf| shelf.attribute.as_str())
        .collect()
}

/// How many triggers are looked at for an event, a trigger counted as often as it comes up.
fn looked_at(index: &TriggerIndex, event: &Event) -> usize {
    let broker = index.brokers.values().next().unwrap();
    let mut count = broker.unfiled.len();
    for shelf in &broker.shelves {
        if let Some(found) = event.attribute(&shelf.attribute) {
            shelf.candidates(found.value, &mut |entries| count += entries.len());
        }
    }
    count
}

fn exact(attribute: &str, value: &str) -> Filter {
    Filter::Exact(attribute.to_owned(), value.to_owned())
}

fn sql(text: &str) -> Filter {
    Filter::Cesql(Sql::try_from(text.to_owned()).unwrap())
}

fn a_filter() -> impl Strategy<Value = Filter> {
    let attribute = prop::sample::select(vec!["type", "source", "region", "absent"]).prop_map(str::to_owned);
    let value = prop::sample::select(vec!["a", "b", "ab", "ba"]).prop_map(str::to_owned);
    let leaf = (attribute, value, 0..7_u8).prop_map(|(attribute, value, dialect)| match dialect {
        0 => Filter::Prefix(attribute, value),
        1 => Filter::Suffix(attribute, value),
        2 => Filter::Present(attribute),
        3 => Filter::Attribute(attribute, Test::OneOf(vec![value, "ab".to_owned()])),
        4 => sql(&format!("{attribute} LIKE '{value}%' OR region = 'b'")),
        5 => sql(&format!("{attribute} = '{value}' AND source LIKE '%a'")),
        _ => Filter::Exact(attribute, value),
    });
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 0..3).prop_map(Filter::All),
            1 => vec(inner.clone(), 0..3).prop_map(Filter::Any),
            1 => inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

fn an_event() -> impl Strategy<Value = Event> {
    let value = || prop::sample::select(vec!["a", "b", "ab", "ba", "c"]);
    (value(), value(), prop::option::of(value())).prop_map(|(ty, source, region)| build(ty, source, region))
}

proptest! {
    #[test]
    fn the_index_answers_as_evaluating_every_filter_does(filters in vec(a_filter(), 0..20), event in an_event()) {
        let naive: Vec<u64> = filters.iter().zip(0..).filter(|(f, _)| f.matches(&event)).map(|(_, id)| id).collect();
        let index = indexed(&filters);
        prop_assert_eq!(matched(&index, &event), naive);
        for (filter, id) in filters.iter().zip(0..) {
            prop_assert_eq!(index.matches(SubscriptionId(id), &event), filter.matches(&event));
        }
    }
}

#[test]
fn a_thousand_triggers_of_one_type_are_told_apart_by_what_they_do_not_share() {
    let filters: Vec<Filter> = (0..1000)
        .map(|n| Filter::All(vec![exact("type", "t"), exact("source", &format!("/s{n}"))]))
        .collect();
    let index = indexed(&filters);
    let broker = index.brokers.values().next().unwrap();
    assert!(broker.unfiled.is_empty());
    assert_eq!(shelves(&index), ["source"]);
    assert_eq!(matched(&index, &build("t", "/s7", None)), [7]);
    assert!(matched(&index, &build("u", "/s7", None)).is_empty());
}

#[test]
fn of_thousands_of_triggers_only_those_that_a_value_may_be_for_are_looked_at() {
    let filters = |make: fn(usize) -> Filter| indexed(&(0..3000).map(make).collect::<Vec<_>>());
    let event = build("t7x", "/s/7/x", None);
    let start = |n| Filter::Prefix("source".to_owned(), format!("/s/{n}/"));
    let end = |n| Filter::Suffix("type".to_owned(), format!("{n}x"));
    let like = |n| sql(&format!("source LIKE '/s/{n}/%' AND id = '1'"));
    let any = |n| {
        Filter::Any(vec![
            exact("type", &format!("t{n}x")),
            exact("source", &format!("/{n}")),
        ])
    };
    for make in [start, end, like, any] {
        let index = filters(make);
        assert_eq!(matched(&index, &event), [7], "{:?}", make(7));
        assert_eq!(looked_at(&index, &event), 1, "{:?}", make(7));
    }
}

#[test]
fn a_trigger_that_two_of_its_keys_find_is_told_once() {
    let both = Filter::Any(vec![exact("type", "t"), exact("source", "/s")]);
    let index = indexed(&[both]);
    let event = build("t", "/s", None);
    assert_eq!(looked_at(&index, &event), 2);
    assert_eq!(matched(&index, &event), [0]);
}

#[test]
fn other_brokers_events_are_not_for_a_trigger() {
    let index = indexed(&[Filter::everything()]);
    let count = Cell::new(0);
    index.match_one(&name("default/other"), &build("t", "/s", None), &mut |_| {
        count.set(count.get() + 1);
    });
    assert_eq!(count.get(), 0);
}

#[test]
fn an_unknown_subscription_matches_nothing() {
    assert!(!indexed(&[Filter::everything()]).matches(SubscriptionId(9), &build("t", "/s", None)));
}

#[test]
fn a_new_generation_takes_the_place_of_the_old_one() {
    let shared = SharedIndex::new(TriggerIndex::default());
    let events = [
        Arc::new(stored(build("t", "/s", None), 255)),
        Arc::new(stored(build("u", "/s", None), 255)),
    ];
    let ask = |shared: &SharedIndex| {
        let mut found = Vec::new();
        shared.match_all(&name("default/default"), &events, &mut |at, id| {
            found.push((at, id.0));
        });
        found
    };
    assert!(ask(&shared).is_empty());
    shared.replace(indexed(&[exact("type", "u")]));
    assert_eq!(ask(&shared), [(1, 0)]);
    assert!(shared.matches(SubscriptionId(0), &events[1].event));
}
