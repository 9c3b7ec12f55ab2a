//! The syntax tree of an expression, for those who look into one: an index over exact conditions, an explanation.
//!
//! Only the parser makes trees. Printing one gives an expression that parses to the same tree, with the parentheses
//! it needs and those that keep [`Warning`](crate::Warning)s away.

use crate::span::Span;
use crate::value::Value;

mod print;

/// One node: what it is, and the bytes of the source it was read from, parentheses around it not included.
///
/// Two nodes are equal when they say the same, wherever they stand.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Node {
    /// What it is, with its operands.
    pub kind: NodeKind,
    /// Where it stands.
    pub span: Span,
}

/// What a [`Node`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeKind {
    /// `'text'`, `42`, `true`
    Literal(Value<'static>),
    /// `subject`: the value of a context attribute. The name is lower case.
    Attribute(Box<str>),
    /// `EXISTS subject`. The name is lower case.
    Exists(Box<str>),
    /// `NOT a`, `-a`
    Unary {
        /// Which of the two.
        operator: UnaryOperator,
        /// What it applies to.
        operand: Box<Node>,
    },
    /// `a = b`, `a + b` and the like, left to right.
    Binary {
        /// Which one.
        operator: BinaryOperator,
        /// The left operand.
        left: Box<Node>,
        /// The right operand.
        right: Box<Node>,
    },
    /// `a AND b AND c`: a run of one operator, two operands at least. What was written with other operators in one
    /// run, `a AND b OR c`, is read from the right: `a AND (b OR c)`.
    Logical {
        /// Which one.
        operator: LogicalOperator,
        /// The operands in order.
        operands: Vec<Node>,
    },
    /// `a LIKE 'x%'`, `a NOT LIKE 'x%'`
    Like {
        /// What is matched.
        operand: Box<Node>,
        /// The pattern, its `\%` and `\_` still escaped.
        pattern: Box<str>,
        /// Whether `NOT` was there.
        negated: bool,
    },
    /// `a IN (b, c)`, `a NOT IN (b, c)`
    In {
        /// What is looked for.
        operand: Box<Node>,
        /// Where it is looked for; never empty.
        set: Vec<Node>,
        /// Whether `NOT` was there.
        negated: bool,
    },
    /// `LEFT(a, 3)`
    Call {
        /// The function's name in upper case.
        name: Box<str>,
        /// Its arguments in order.
        arguments: Vec<Node>,
    },
}

/// Operators before their one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `NOT`
    Not,
    /// `-`
    Minus,
}

/// Operators between two operands that are both always evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `=`
    Equal,
    /// `!=` and `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// Operators on truth values. `AND` and `OR` evaluate no more operands than they need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogicalOperator {
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `XOR`
    Xor,
}

impl Node {
    pub(crate) const fn new(kind: NodeKind, span: Span) -> Self {
        Self { kind, span }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Node {}

impl UnaryOperator {
    /// How it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Not => "NOT",
            Self::Minus => "-",
        }
    }
}

impl BinaryOperator {
    /// How it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// How tightly it binds.
    pub(crate) const fn power(self) -> Power {
        match self {
            Self::Multiply | Self::Divide | Self::Remainder => Power::Multiplication,
            Self::Add | Self::Subtract => Power::Addition,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual => Power::Comparison,
        }
    }
}

impl LogicalOperator {
    /// How it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::And => "AND",
            Self::Or => "OR",
            Self::Xor => "XOR",
        }
    }
}

/// How tightly operators bind, the loosest first. `EXISTS` takes a bare name and needs no
/// place here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Power {
    Logic,
    Comparison,
    Addition,
    Multiplication,
    In,
    Like,
    Unary,
    Primary,
}

impl Power {
    /// The next tighter one: what the right operand of a left-associative operator must reach.
    pub(crate) const fn tighter(self) -> Self {
        match self {
            Self::Logic => Self::Comparison,
            Self::Comparison => Self::Addition,
            Self::Addition => Self::Multiplication,
            Self::Multiplication => Self::In,
            Self::In => Self::Like,
            Self::Like => Self::Unary,
            Self::Unary | Self::Primary => Self::Primary,
        }
    }
}

impl NodeKind {
    /// How tightly the outermost operator binds.
    pub(crate) const fn power(&self) -> Power {
        match self {
            Self::Logical { .. } => Power::Logic,
            Self::Binary { operator, .. } => operator.power(),
            Self::In { .. } => Power::In,
            Self::Like { .. } => Power::Like,
            Self::Unary { .. } => Power::Unary,
            Self::Literal(_) | Self::Attribute(_) | Self::Exists(_) | Self::Call { .. } => Power::Primary,
        }
    }
}
