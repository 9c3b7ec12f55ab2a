//! Triggers by the thousand, of which three are for the event.

use dispatcher::index::TriggerIndex;
use schemas::event::Event;
use schemas::filter::{Filter, Sql};
use schemas::names::ResourceName;

use broker::SubscriptionId;

/// How many triggers the event is for, whatever their number.
pub const MATCHES: usize = 3;

/// What the triggers' filters ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `exact: {type: ...}`, a type each.
    Exact,
    /// `type = ... AND subject LIKE '...%'`, a type each.
    Sql,
    /// `prefix: {subject: ...}`, a customer each.
    Prefix,
    /// `suffix: {subject: ...}`, an order each.
    Suffix,
    /// `any` of three types each.
    Any,
}

/// An index of so many triggers, and an event.
pub struct Matching {
    index: TriggerIndex,
    broker: ResourceName,
    event: Event,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Exact, Self::Sql, Self::Prefix, Self::Suffix, Self::Any];

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Sql => "cesql",
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
            Self::Any => "any",
        }
    }

    /// The filter of trigger `number`; 0 is what the event has.
    fn filter(self, number: usize) -> Filter {
        let ty = |number: usize| Filter::Exact("type".to_owned(), format!("com.example.kind{number}"));
        match self {
            Self::Exact => ty(number),
            Self::Sql => {
                let text = format!("type = 'com.example.kind{number}' AND subject LIKE 'customers/%'");
                Filter::Cesql(Sql::try_from(text).expect("an expression"))
            }
            Self::Prefix => Filter::Prefix("subject".to_owned(), format!("customers/{number}/")),
            Self::Suffix => Filter::Suffix("subject".to_owned(), format!("/orders/{number}")),
            Self::Any => Filter::Any(vec![ty(number), ty(number + 1_000_000), ty(number + 2_000_000)]),
        }
    }
}

impl Matching {
    /// So many triggers of this shape.
    ///
    /// # Panics
    /// When there are fewer triggers than matches.
    #[must_use]
    pub fn new(shape: Shape, triggers: usize) -> Self {
        assert!(triggers >= MATCHES, "three of them are to match");
        let broker: ResourceName = "default/default".parse().expect("a name");
        let numbers = (0..triggers).map(|at| at.saturating_sub(MATCHES - 1));
        let filed = numbers
            .zip(1..)
            .map(|(number, id)| (SubscriptionId(id), broker.clone(), shape.filter(number)));
        let index = TriggerIndex::new(filed);
        let event = Event::builder()
            .id("1")
            .source("/shops/berlin")
            .ty("com.example.kind0")
            .attribute("subject", "customers/0/orders/0")
            .and_then(schemas::event::EventBuilder::build)
            .expect("a valid event");
        Self { index, broker, event }
    }

    /// Matches the event; answers how many triggers it is for.
    pub fn run(&self) -> usize {
        let mut matches = 0;
        self.index
            .match_one(&self.broker, &self.event, &mut |_| matches += 1);
        matches
    }
}
