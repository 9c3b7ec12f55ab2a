//! What an index may file a filter under: conditions on one attribute that a lookup answers.
//!
//! What must hold: an event that passes a filter shows at least one key of each of the filter's sets. Filing under all
//! keys of one set, whichever, loses no match; an event that shows a key may still not pass.

use cesql::Value;
use cesql::ast::{BinaryOperator, LogicalOperator, Node, NodeKind};

use super::{Filter, Test};

/// An attribute's value is this text, or starts or ends with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Which part of the value.
    pub part: Part,
    /// The attribute's name.
    pub attribute: String,
    /// What the part is. A start or an end may be empty: the attribute is there.
    pub text: String,
}

/// Which part of a value a [`Key`] speaks of. In the order in which they tell events apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// All of it.
    Whole,
    /// How it starts.
    Start,
    /// How it ends.
    End,
}

/// Keys of which an event that passes shows at least one. Without a key: nothing passes.
pub type KeySet = Vec<Key>;

/// Attributes whose values are strings for every expression. `IN` compares by the type of what is looked for, and an
/// extension can be a number.
const STRINGS: [&str; 4] = ["id", "source", "type", "subject"];

impl Key {
    fn new(part: Part, attribute: &str, text: impl Into<String>) -> Self {
        Self {
            part,
            attribute: attribute.to_owned(),
            text: text.into(),
        }
    }

    /// Whether a value of the attribute shows the key.
    pub fn holds(&self, value: &str) -> bool {
        match self.part {
            Part::Whole => value == self.text,
            Part::Start => value.starts_with(&self.text),
            Part::End => value.ends_with(&self.text),
        }
    }
}

impl Filter {
    /// The sets of keys of this filter, each of which an index may use alone. None when nothing can be said.
    pub fn keys(&self) -> Vec<KeySet> {
        match self {
            Filter::All(filters) => filters.iter().flat_map(Filter::keys).collect(),
            Filter::Any(filters) => either(filters.iter().map(Filter::keys)),
            Filter::Exact(name, value) => vec![vec![Key::new(Part::Whole, name, value)]],
            Filter::Prefix(name, start) => vec![vec![Key::new(Part::Start, name, start)]],
            Filter::Suffix(name, end) => vec![vec![Key::new(Part::End, name, end)]],
            Filter::Present(name) => vec![vec![Key::new(Part::Start, name, "")]],
            Filter::Cesql(sql) => of_expression(sql.tree()),
            Filter::Attribute(name, test) => of_test(name, test),
            Filter::Not(_) | Filter::Data(..) => Vec::new(),
        }
    }
}

fn of_test(name: &str, test: &Test) -> Vec<KeySet> {
    match test {
        Test::Equals(value) => vec![vec![Key::new(Part::Whole, name, value)]],
        Test::OneOf(values) => {
            let keys = values.iter().map(|value| Key::new(Part::Whole, name, value));
            vec![keys.collect()]
        }
        Test::Prefix(start) => vec![vec![Key::new(Part::Start, name, start)]],
        Test::Suffix(end) => vec![vec![Key::new(Part::End, name, end)]],
        Test::Wildcard(pattern) => of_pattern(name, pattern.characters()),
        Test::Cidr(_) | Test::Compare(..) | Test::Exists(true) => vec![vec![Key::new(Part::Start, name, "")]],
        Test::Exists(false) => Vec::new(),
    }
}

/// An expression passes when it is true without an error: of `AND` all operands then are, of `OR` one of them.
fn of_expression(node: &Node) -> Vec<KeySet> {
    match &node.kind {
        NodeKind::Logical {
            operator: LogicalOperator::And,
            operands,
        } => operands.iter().flat_map(of_expression).collect(),
        NodeKind::Logical {
            operator: LogicalOperator::Or,
            operands,
        } => either(operands.iter().map(of_expression)),
        NodeKind::Binary {
            operator: BinaryOperator::Equal,
            left,
            right,
        } => equal(left, right).into_iter().map(|key| vec![key]).collect(),
        NodeKind::Like {
            operand,
            pattern,
            negated: false,
        } => match &operand.kind {
            NodeKind::Attribute(name) => of_pattern(name, like(pattern)),
            _ => Vec::new(),
        },
        NodeKind::In {
            operand,
            set,
            negated: false,
        } => one_of(operand, set).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// `name = 'text'`: the right side's type decides, so that canonical strings are compared. Not the other way round, where
/// the attribute's type would decide.
fn equal(name: &Node, value: &Node) -> Option<Key> {
    match (&name.kind, &value.kind) {
        (NodeKind::Attribute(name), NodeKind::Literal(Value::String(text))) => {
            Some(Key::new(Part::Whole, name, &**text))
        }
        _ => None,
    }
}

fn one_of(operand: &Node, set: &[Node]) -> Option<KeySet> {
    let NodeKind::Attribute(name) = &operand.kind else {
        return None;
    };
    if !STRINGS.contains(&&**name) {
        return None;
    }
    set.iter().map(|value| equal(operand, value)).collect()
}

/// At least one of these: a set of each goes together, unless one of them can say nothing.
fn either(all: impl Iterator<Item = Vec<KeySet>>) -> Vec<KeySet> {
    let all: Vec<Vec<KeySet>> = all.collect();
    if let [only] = &all[..] {
        return only.clone();
    }
    let chosen: Option<Vec<KeySet>> = all.into_iter().map(sharpest).collect();
    chosen.map(|sets| sets.concat()).into_iter().collect()
}

/// The set that tells events apart best, by its looks: whole values, few of them, long ones.
fn sharpest(sets: Vec<KeySet>) -> Option<KeySet> {
    sets.into_iter().min_by_key(|set| {
        let bluntest = set.iter().map(|key| key.part).max();
        let shortest = set.iter().map(|key| key.text.len()).min();
        (bluntest, set.len(), std::cmp::Reverse(shortest))
    })
}

/// The characters of a pattern of `LIKE`, where none stands for `%` and `_`.
fn like(pattern: &str) -> Vec<Option<char>> {
    let mut characters = pattern.chars().peekable();
    let mut read = Vec::new();
    while let Some(character) = characters.next() {
        read.push(match character {
            '%' | '_' => None,
            '\\' => characters
                .next_if(|next| matches!(next, '%' | '_'))
                .or(Some('\\')),
            _ => Some(character),
        });
    }
    read
}

/// What a pattern fixes of a value: all of it, or its start and its end.
fn of_pattern(name: &str, characters: Vec<Option<char>>) -> Vec<KeySet> {
    let whole: Option<String> = characters.iter().copied().collect();
    if let Some(text) = whole {
        return vec![vec![Key::new(Part::Whole, name, text)]];
    }
    let start: String = characters
        .iter()
        .copied()
        .map_while(|character| character)
        .collect();
    let end = characters.iter().rev().copied().map_while(|character| character);
    let end: Vec<char> = end.collect();
    let end: String = end.into_iter().rev().collect();
    vec![
        vec![Key::new(Part::Start, name, start)],
        vec![Key::new(Part::End, name, end)],
    ]
}

#[cfg(test)]
mod tests;
