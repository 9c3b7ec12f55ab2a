//! Text -> node trees, on top of the parser events of `saphyr-parser`.
//!
//! The tree is built here rather than by a ready-made loader because each duplicate key must be reported with its position
//! (a loader stops at the first) and because what aliases expand to must be counted before it is built.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};

use super::node::{Entry, Mark, Node, Value};
use super::problem::{Findings, Problem};
use crate::limits::{YAML_DEPTH_MAX, YAML_NODES_MAX};

/// Reads all documents of a file. Empty documents are left out.
///
/// Every problem goes to `findings`; a document with a syntax error is left out, one with duplicate keys keeps the first of each.
pub fn parse(text: &str, findings: &Findings) -> Vec<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let mut builder = Builder {
        findings,
        lines_before: 0,
        nodes: 0,
        anchors: HashMap::new(),
    };
    let mut rest = text;
    loop {
        let Err(failure) = builder.read(rest, &mut documents) else {
            return documents;
        };
        let Some(next) = failure.resume_at.and_then(|char| next_document(rest, char)) else {
            return documents;
        };
        builder.lines_before += line_breaks(&rest[..next]);
        rest = &rest[next..];
    }
}

/// Builds trees from parser events.
struct Builder<'a> {
    findings: &'a Findings,
    /// Lines of the file before the text that is being parsed.
    lines_before: usize,
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

/// Reading stopped: behind which character of the parsed text it may go on; none when the rest of the file is given up too.
struct Failure {
    resume_at: Option<usize>,
}

impl Builder<'_> {
    fn read(&mut self, text: &str, documents: &mut Vec<Node>) -> Result<(), Failure> {
        let mut open: Vec<Open> = Vec::new();
        let mut root: Option<Node> = None;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
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
    ) -> Result<Option<(Node, usize)>, Failure> {
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
    ) -> Result<Node, Failure> {
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

    fn alias(&mut self, anchor: usize, level: usize, span: Span) -> Result<Node, Failure> {
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
    ) -> Result<(), Failure> {
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

    fn spend(&mut self, nodes: usize, span: Span) -> Result<(), Failure> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > YAML_NODES_MAX {
            let message = format!("more than {YAML_NODES_MAX} values in one file, aliases expanded");
            return Err(self.give_up(span, message));
        }
        Ok(())
    }

    fn syntax_error(&self, error: &ScanError) -> Failure {
        let place = self.findings.place(self.mark(*error.marker()), "");
        self.findings.add(Problem::error(
            &place,
            format!("not valid YAML: {}", error.info()),
        ));
        Failure {
            resume_at: Some(error.marker().index()),
        }
    }

    fn give_up(&self, span: Span, message: String) -> Failure {
        self.findings.add(Problem::error(
            &self.findings.place(self.mark(span.start), ""),
            message,
        ));
        Failure { resume_at: None }
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

/// The byte offset of the first line behind the character `after` that begins a document with `---`.
fn next_document(text: &str, after: usize) -> Option<usize> {
    let start = text.char_indices().nth(after).map(|(offset, _)| offset)?;
    let markers = text[start..]
        .match_indices("---")
        .map(|(offset, _)| start + offset);
    let begins_document = |offset: &usize| {
        let behind = text[offset + 3..].chars().next();
        text[..*offset].ends_with(['\n', '\r']) && behind.is_none_or(|char| " \t\r\n".contains(char))
    };
    markers.into_iter().find(begins_document)
}

/// How many lines the text ends, as YAML counts them: `\r`, `\n` and `\r\n` each end one.
fn line_breaks(text: &str) -> usize {
    text.matches('\n').count() + text.matches('\r').count() - text.matches("\r\n").count()
}
