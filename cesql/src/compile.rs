//! The form of an expression that is evaluated: the syntax tree with its functions looked up and its patterns
//! prepared, so that evaluation allocates nothing of its own.

use std::sync::Arc;

use crate::ast::{BinaryOperator, LogicalOperator, Node, NodeKind, UnaryOperator};
use crate::functions::builtin::{self, Builtin};
use crate::functions::{Function, Functions, Signature};
use crate::pattern::Pattern;
use crate::span::Span;
use crate::value::{Type, Value};

/// One operation and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) operation: Operation,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Literal(Value<'static>),
    Attribute(Box<str>),
    Exists(Box<str>),
    Not(Box<Code>),
    Minus(Box<Code>),
    Binary {
        operator: BinaryOperator,
        operands: Box<[Code; 2]>,
    },
    Logical {
        operator: LogicalOperator,
        operands: Box<[Code]>,
    },
    Like {
        operand: Box<Code>,
        pattern: Pattern,
        negated: bool,
    },
    In {
        operand: Box<Code>,
        set: Box<[Code]>,
        negated: bool,
    },
    Call {
        callee: Callee,
        arguments: Box<[Code]>,
    },
    /// A call that no function takes. Its arguments are never evaluated.
    MissingFunction {
        name: Box<str>,
        arguments: usize,
    },
}

/// A function that was looked up.
#[derive(Clone, Debug)]
pub(crate) enum Callee {
    Builtin(&'static Builtin),
    User(Arc<Function>),
}

impl Code {
    /// Compiles `node`, its calls resolved among the built-in functions and `functions`.
    pub(crate) fn new(node: &Node, functions: &Functions) -> Self {
        let one = |node: &Node| Box::new(Self::new(node, functions));
        let all = |nodes: &[Node]| nodes.iter().map(|node| Self::new(node, functions)).collect();
        let operation = match &node.kind {
            NodeKind::Literal(value) => Operation::Literal(value.clone()),
            NodeKind::Attribute(name) => Operation::Attribute(name.clone()),
            NodeKind::Exists(name) => Operation::Exists(name.clone()),
            NodeKind::Unary {
                operator: UnaryOperator::Not,
                operand,
            } => Operation::Not(one(operand)),
            NodeKind::Unary {
                operator: UnaryOperator::Minus,
                operand,
            } => Operation::Minus(one(operand)),
            NodeKind::Binary {
                operator,
                left,
                right,
            } => {
                let operands = Box::new([Self::new(left, functions), Self::new(right, functions)]);
                Operation::Binary {
                    operator: *operator,
                    operands,
                }
            }
            NodeKind::Logical { operator, operands } => Operation::Logical {
                operator: *operator,
                operands: all(operands),
            },
            NodeKind::Like {
                operand,
                pattern,
                negated,
            } => Operation::Like {
                operand: one(operand),
                pattern: Pattern::new(pattern),
                negated: *negated,
            },
            NodeKind::In {
                operand,
                set,
                negated,
            } => Operation::In {
                operand: one(operand),
                set: all(set),
                negated: *negated,
            },
            NodeKind::Call { name, arguments } => match Callee::find(name, arguments.len(), functions) {
                Some(callee) => Operation::Call {
                    callee,
                    arguments: all(arguments),
                },
                None => Operation::MissingFunction {
                    name: name.clone(),
                    arguments: arguments.len(),
                },
            },
        };
        Self {
            operation,
            span: node.span,
        }
    }

    /// The type whose zero is returned when something inside fails. An attribute's type is known only when it is
    /// there, and a function's only when it exists: their zero is `false`.
    pub(crate) fn returns(&self) -> Type {
        match &self.operation {
            Operation::Literal(value) => value.type_of(),
            Operation::Minus(_) => Type::Integer,
            Operation::Binary { operator, .. } => operator.returns(),
            Operation::Call { callee, .. } => callee.signature().returns,
            Operation::Attribute(_)
            | Operation::Exists(_)
            | Operation::Not(_)
            | Operation::Logical { .. }
            | Operation::Like { .. }
            | Operation::In { .. }
            | Operation::MissingFunction { .. } => Type::Boolean,
        }
    }
}

impl Callee {
    pub(crate) fn signature(&self) -> Signature<'_> {
        match self {
            Self::Builtin(builtin) => builtin.signature(),
            Self::User(function) => function.signature(),
        }
    }

    fn find(name: &str, arguments: usize, functions: &Functions) -> Option<Self> {
        let user = || {
            functions
                .find(name, arguments)
                .map(|function| Self::User(Arc::clone(function)))
        };
        builtin::find(name, arguments).map(Self::Builtin).or_else(user)
    }
}

impl BinaryOperator {
    const fn returns(self) -> Type {
        match self {
            Self::Multiply | Self::Divide | Self::Remainder | Self::Add | Self::Subtract => Type::Integer,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual => Type::Boolean,
        }
    }
}
