//! The form of an expression that is evaluated: the syntax tree with its functions looked up and its patterns
//! prepared, so that evaluation allocates nothing of its own.

use std::sync::Arc;

use crate::ast::{BinaryOperator, LogicalOperator, Node, NodeKind, UnaryOperator};
use crate::functions::builtin::{self, Builtin};
use crate::functions::{Function, Functions, Signature};
use crate::pattern::Pattern;
use crate::span::Span;
use crate::value::{Type, Value};
use crate::warning::{Warning, WarningKind};

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

/// Where calls are looked up while a tree is compiled.
struct Compiler<'f> {
    functions: &'f Functions,
}

impl Code {
    /// Compiles `node`, its calls resolved among the built-in functions and `functions`.
    pub(crate) fn new(node: &Node, functions: &Functions) -> Self {
        Compiler { functions }.code(node)
    }

    /// The type of the value; none when only an event can tell.
    pub(crate) fn value_type(&self) -> Option<Type> {
        match &self.operation {
            Operation::Attribute(_) | Operation::MissingFunction { .. } => None,
            _ => Some(self.returns()),
        }
    }

    /// Appends a warning for each call in here that no function takes.
    pub(crate) fn warn_of_missing_functions(&self, warnings: &mut Vec<Warning>) {
        let inside: &[Self] = match &self.operation {
            Operation::MissingFunction { name, arguments } => {
                warnings.push(Warning {
                    kind: WarningKind::MissingFunction,
                    message: missing_function(name, *arguments),
                    span: self.span,
                });
                return;
            }
            Operation::Literal(_) | Operation::Attribute(_) | Operation::Exists(_) => return,
            Operation::Not(operand) | Operation::Minus(operand) | Operation::Like { operand, .. } => {
                return operand.warn_of_missing_functions(warnings);
            }
            Operation::In { operand, set, .. } => {
                operand.warn_of_missing_functions(warnings);
                set
            }
            Operation::Binary { operands, .. } => &operands[..],
            Operation::Logical { operands, .. } => operands,
            Operation::Call { arguments, .. } => arguments,
        };
        for code in inside {
            code.warn_of_missing_functions(warnings);
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

/// What is said of a call that no function takes.
pub(crate) fn missing_function(name: &str, arguments: usize) -> String {
    let plural = if arguments == 1 { "" } else { "s" };
    format!("there is no function {name} that takes {arguments} argument{plural}")
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

impl Compiler<'_> {
    fn code(&self, node: &Node) -> Code {
        Code {
            operation: self.operation(&node.kind),
            span: node.span,
        }
    }

    fn boxed(&self, node: &Node) -> Box<Code> {
        Box::new(self.code(node))
    }

    fn all(&self, nodes: &[Node]) -> Box<[Code]> {
        nodes.iter().map(|node| self.code(node)).collect()
    }

    fn operation(&self, kind: &NodeKind) -> Operation {
        match kind {
            NodeKind::Literal(value) => Operation::Literal(value.clone()),
            NodeKind::Attribute(name) => Operation::Attribute(name.clone()),
            NodeKind::Exists(name) => Operation::Exists(name.clone()),
            NodeKind::Unary {
                operator: UnaryOperator::Not,
                operand,
            } => Operation::Not(self.boxed(operand)),
            NodeKind::Unary {
                operator: UnaryOperator::Minus,
                operand,
            } => Operation::Minus(self.boxed(operand)),
            NodeKind::Binary {
                operator,
                left,
                right,
            } => Operation::Binary {
                operator: *operator,
                operands: Box::new([self.code(left), self.code(right)]),
            },
            NodeKind::Logical { operator, operands } => Operation::Logical {
                operator: *operator,
                operands: self.all(operands),
            },
            NodeKind::Like {
                operand,
                pattern,
                negated,
            } => {
                let pattern = Pattern::new(pattern);
                Operation::Like {
                    operand: self.boxed(operand),
                    pattern,
                    negated: *negated,
                }
            }
            NodeKind::In {
                operand,
                set,
                negated,
            } => Operation::In {
                operand: self.boxed(operand),
                set: self.all(set),
                negated: *negated,
            },
            NodeKind::Call { name, arguments } => self.call(name, arguments),
        }
    }

    fn call(&self, name: &str, arguments: &[Node]) -> Operation {
        match Callee::find(name, arguments.len(), self.functions) {
            Some(callee) => Operation::Call {
                callee,
                arguments: self.all(arguments),
            },
            None => Operation::MissingFunction {
                name: name.into(),
                arguments: arguments.len(),
            },
        }
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
