//! Every limit that keeps a hostile expression from costing more than it should.

/// Longest expression accepted, in bytes of UTF-8. As large as the largest event every CloudEvents intermediary must
/// forward; a longer filter is a mistake or an attack. It bounds the number of nodes too, since each takes a byte.
pub const SOURCE_BYTES_MAX: usize = 64 * 1024;

/// Deepest nesting of parentheses, operators and calls. Parser and evaluator recurse once a level, so this bounds the
/// stack; a run of one of `AND`, `OR` or `XOR` is a single level however long it is.
pub const DEPTH_MAX: usize = 128;

/// Most text one evaluation may build, in bytes of UTF-8, summed over all its calls. Without it a short expression
/// that repeats a long attribute could ask for gigabytes.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;
