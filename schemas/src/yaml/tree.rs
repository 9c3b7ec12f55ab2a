//! Parser events -> node trees.
//!
//! The tree is built here rather than by a ready-made loader because each duplicate key must be reported with its position
//! (a loader stops at the first) and because what aliases expand to must be counted before it is built.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Entry, Mark, Node, Value};
use super::problem::{Findings, Problem};
use crate::limits::{YAML_DEPTH_MAX, YAML_NODES_MAX};

/// Builds trees from parser events.
pub(super) struct Builder<'a> {
    findings: &'a Findings,
    /// Lines of the file before the text that is being read.
    pub(super) lines_before: usize,
    /// Values read so far, aliases counted as what they expand to.
    nodes: usize,
    anchors: HashMap<usize, Anchored>,
}

/// What an anchor stands for, measured once so that an alias is refused before it is expanded.
struct Anchored {
    node: Node,
    count: usize,
    depth: usize,
}

/// A collection that is still open.
enum Open {
    List {
        items: Vec<Node>,
        start: Mark,
        anchor: usize,
    },
    Map(OpenMap),
}

/// A mapping that is still open.
struct OpenMap {
    start: Mark,
    anchor: usize,
    entries: Vec<Entry>,
    /// The line of each key, to find duplicates.
    lines: HashMap<String, usize>,
    /// The key that waits for its value, with no text when it cannot be a key.
    key: Option<(Mark, Option<String>)>,
}

/// Why reading stopped.
pub(super) enum Stop {
    /// The text is not YAML; not reported yet.
    Syntax(ScanError),
    /// A limit or a rule was broken that makes the rest of the file meaningless; reported already.
    GivenUp,
}

impl<'a> Builder<'a> {
    pub(super) fn new(findings: &'a Findings) -> Builder<'a> {
        Builder {
            findings,
            lines_before: 0,
            nodes: 0,
            anchors: HashMap::new(),
        }
    }

    /// Reads documents until the end of the text, or until it stops.
    pub(super) fn read(&mut self, text: &str, documents: &mut Vec<Node>) -> Result<(), Stop> {
        let mut open: Vec<Open> = Vec::new();
        let mut root: Option<Node> = None;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(Stop::Syntax)?;
            if event == Event::DocumentEnd {
                self.anchors.clear();
                documents.extend(root.take().filter(|node| node.value != Value::Null));
            }
            let Some((node, anchor)) = self.take(event, span, &mut open)? else {
                continue;
            };
            if anchor > 0 {
                let (count, depth) = (node.count(), node.depth());
                self.anchors.insert(
                    anchor,
                    Anchored {
                        node: node.clone(),
                        count,
                        depth,
                    },
                );
            }
            match open.last_mut() {
                None => root = Some(node),
                Some(Open::List { items, .. }) => items.push(node),
                Some(Open::Map(map)) => self.add_to_map(map, node),
            }
        }
        Ok(())
    }

    /// Takes one event; gives the node that it completes, if it does, with its anchor (0: none).
    fn take(
        &mut self,
        event: Event<'_>,
        span: Span,
        open: &mut Vec<Open>,
    ) -> Result<Option<(Node, usize)>, Stop> {
        Ok(match event {
            Event::Scalar(text, style, anchor, tag) => Some((
                self.scalar(text.into_owned(), style, tag.as_deref(), span)?,
                anchor,
            )),
            Event::Alias(anchor) => Some((self.alias(anchor, open.len(), span)?, 0)),
            Event::SequenceStart(anchor, tag) => {
                self.start_collection(open.len(), tag.as_deref(), "seq", span)?;
                open.push(Open::List {
                    items: Vec::new(),
                    start: self.mark(span.start),
                    anchor,
                });
                None
            }
            Event::MappingStart(anchor, tag) => {
                self.start_collection(open.len(), tag.as_deref(), "map", span)?;
                open.push(Open::Map(OpenMap::new(self.mark(span.start), anchor)));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| open.close(self.mark(span.end))),
            Event::DocumentStart(_) | Event::DocumentEnd => None,
            Event::Nothing | Event::StreamStart | Event::StreamEnd => None,
        })
    }

    fn scalar(
        &mut self,
        text: String,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Node, Stop> {
        self.spend(1, span)?;
        let (start, end) = (self.mark(span.start), self.mark(span.end));
        let value = match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == "str") => {
                self.refuse_tag(tag, span);
                Value::Text(text)
            }
            Some(_) => Value::Text(text),
            None if style == ScalarStyle::Plain => Value::from_plain(text),
            None => Value::Text(text),
        };
        Ok(Node { start, end, value })
    }

    fn alias(&mut self, anchor: usize, level: usize, span: Span) -> Result<Node, Stop> {
        let Some(anchored) = self.anchors.remove(&anchor) else {
            return Err(self.give_up(
                span,
                "an alias cannot stand inside the value that it names".to_owned(),
            ));
        };
        if level + anchored.depth > YAML_DEPTH_MAX {
            return Err(self.give_up(span, too_deep()));
        }
        self.spend(anchored.count, span)?;
        let node = anchored.node.clone();
        self.anchors.insert(anchor, anchored);
        Ok(node)
    }

    fn start_collection(
        &mut self,
        level: usize,
        tag: Option<&Tag>,
        plain: &str,
        span: Span,
    ) -> Result<(), Stop> {
        self.spend(1, span)?;
        if level >= YAML_DEPTH_MAX {
            return Err(self.give_up(span, too_deep()));
        }
        if let Some(tag) = tag.filter(|tag| !(tag.is_yaml_core_schema() && tag.suffix == plain)) {
            self.refuse_tag(tag, span);
        }
        Ok(())
    }

    /// Takes a completed node as the next key or the value of the last key.
    fn add_to_map(&self, map: &mut OpenMap, node: Node) {
        let Some((key_start, text)) = map.key.take() else {
            map.key = Some((node.start, self.key_text(&node)));
            return;
        };
        let Some(key) = text else { return };
        if let Some(first) = map.lines.get(&key) {
            let message = format!("\"{key}\" is written twice in one mapping, first on line {first}");
            let place = self.findings.place(key_start, key);
            self.findings.mask(node.start, node.end);
            self.findings
                .add(Problem::error(&place, message).with_help("keep one of the two"));
            return;
        }
        map.lines.insert(key.clone(), key_start.line);
        map.entries.push(Entry {
            key,
            key_start,
            value: node,
        });
    }

    /// The key as text, or none (and a problem) when it cannot be one.
    fn key_text(&self, node: &Node) -> Option<String> {
        let refuse = |message: &str| {
            self.findings
                .add(Problem::error(&self.findings.place(node.start, ""), message));
            None
        };
        match &node.value {
            Value::Text(text) if text == "<<" => {
                refuse("the merge key << is not part of YAML 1.2: write the fields out")
            }
            Value::Text(text) | Value::Number(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null => refuse("a key is missing before the colon"),
            Value::List(_) | Value::Map(_) => refuse("a key must be a plain word, not a list or a mapping"),
        }
    }

    fn refuse_tag(&self, tag: &Tag, span: Span) {
        let place = self.findings.place(self.mark(span.start), "");
        let message = format!("the tag {}{} is not known here", tag.handle, tag.suffix);
        self.findings.add(
            Problem::error(&place, message).with_help("leave it out; only !!str, !!seq and !!map may stand"),
        );
    }

    fn spend(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > YAML_NODES_MAX {
            let message = format!("more than {YAML_NODES_MAX} values in one file, aliases expanded");
            return Err(self.give_up(span, message));
        }
        Ok(())
    }

    fn give_up(&self, span: Span, message: String) -> Stop {
        self.findings.add(Problem::error(
            &self.findings.place(self.mark(span.start), ""),
            message,
        ));
        Stop::GivenUp
    }

    fn mark(&self, marker: Marker) -> Mark {
        Mark {
            line: marker.line() + self.lines_before,
            column: marker.col() + 1,
        }
    }
}

impl Open {
    fn close(self, end: Mark) -> (Node, usize) {
        match self {
            Open::List { items, start, anchor } => (
                Node {
                    start,
                    end,
                    value: Value::List(items),
                },
                anchor,
            ),
            Open::Map(map) => (
                Node {
                    start: map.start,
                    end,
                    value: Value::Map(map.entries),
                },
                map.anchor,
            ),
        }
    }
}

impl OpenMap {
    fn new(start: Mark, anchor: usize) -> OpenMap {
        OpenMap {
            start,
            anchor,
            entries: Vec::new(),
            lines: HashMap::new(),
            key: None,
        }
    }
}

fn too_deep() -> String {
    format!("nested more than {YAML_DEPTH_MAX} levels deep")
}
