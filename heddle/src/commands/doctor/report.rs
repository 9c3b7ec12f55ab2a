//! What the doctor says: findings in words, each with what to do about it.

use std::fmt::Write;

use broker::embedded::{EndState, Examined, LockState};
use serde::Serialize;

/// Free bytes below which the next start is likely to refuse events: the default of `--free-bytes-min`.
const FREE_BYTES_FEW: u64 = 128 << 20;

/// Everything that is said.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    kind: &'static str,
    directory: String,
    healthy: bool,
    /// Whether a process works on it, in words.
    lock: String,
    segments: Vec<SegmentView>,
    records: u64,
    bytes: u64,
    /// Journal files that are prepared.
    prepared: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_bytes: Option<u64>,
    /// Records that cannot be read any more.
    lost: Vec<LostView>,
    /// What is wrong.
    problems: Vec<String>,
    /// What is worth knowing and not wrong.
    notes: Vec<String>,
    /// What to do.
    suggestions: Vec<String>,
}

/// One journal file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SegmentView {
    file: String,
    bytes: u64,
    sealed: bool,
    records: u64,
    damage: Vec<String>,
}

/// Sequences that are lost.
#[derive(Debug, Serialize)]
struct LostView {
    stream: u64,
    /// What the stream holds.
    what: String,
    from: u64,
    to: u64,
}

impl Report {
    pub(super) fn of(examined: &Examined) -> Self {
        let journal = &examined.journal;
        let segments = journal.segments.iter().map(|segment| SegmentView {
            file: segment.file.clone(),
            bytes: segment.bytes,
            sealed: segment.is_sealed,
            records: segment.records,
            damage: segment.damage.clone(),
        });
        let lost = journal.lost.iter().map(|lost| LostView {
            stream: lost.stream.0,
            what: examined
                .streams
                .get(&lost.stream.0)
                .cloned()
                .unwrap_or_else(|| format!("records of stream {}", lost.stream.0)),
            from: lost.from,
            to: lost.to,
        });
        let problems = problems(examined);
        Self {
            kind: "Examination",
            directory: examined.directory.display().to_string(),
            healthy: problems.is_empty(),
            lock: lock(journal.lock),
            records: journal.segments.iter().map(|segment| segment.records).sum(),
            bytes: journal.segments.iter().map(|segment| segment.bytes).sum(),
            segments: segments.collect(),
            prepared: journal.prepared,
            free_bytes: journal.free_bytes,
            view_bytes: examined.view.bytes,
            lost: lost.collect(),
            suggestions: suggestions(examined, &problems),
            problems,
            notes: notes(examined),
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        self.healthy
    }

    pub(super) fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("strings and numbers are always JSON");
        text.push('\n');
        text
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |label: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{label:12} {value}");
        };
        line("data", &self.directory);
        line("lock", &self.lock);
        line(
            "journal",
            &format!(
                "{} files, {} bytes, {} records",
                self.segments.len(),
                self.bytes,
                self.records
            ),
        );
        let view = self.view_bytes.map(|bytes| format!("{bytes} bytes"));
        line("view", view.as_deref().unwrap_or("not there"));
        let free = self.free_bytes.map(|bytes| format!("{bytes} bytes free, "));
        let prepared = format!("{} journal files prepared", self.prepared);
        line("room", &format!("{}{prepared}", free.unwrap_or_default()));
        for problem in &self.problems {
            line("WRONG", problem);
        }
        for lost in &self.lost {
            line("LOST", &format!("{} {} to {}", lost.what, lost.from, lost.to));
        }
        for note in &self.notes {
            line("note", note);
        }
        for suggestion in &self.suggestions {
            line("do", suggestion);
        }
        if self.healthy {
            line("all right", "every checksum is as it should be");
        }
        text
    }
}

fn lock(state: LockState) -> String {
    match state {
        LockState::Free => "no process works on it".to_owned(),
        LockState::Held(Some(id)) => format!("process {id} works on it"),
        LockState::Held(None) => "a process works on it".to_owned(),
    }
}

fn problems(examined: &Examined) -> Vec<String> {
    let journal = &examined.journal;
    let mut problems: Vec<String> = examined.format_problem.iter().cloned().collect();
    problems.extend(journal.marker_problem());
    problems.extend(journal.end_problem());
    if journal.is_incomplete {
        problems.push("it is a backup that was not finished".to_owned());
    }
    for segment in &journal.segments {
        problems.extend(
            segment
                .damage
                .iter()
                .map(|damage| format!("{}: {damage}", segment.file)),
        );
    }
    if problems.is_empty() && !journal.lost.is_empty() {
        problems.push("records are lost".to_owned());
    }
    if journal.is_damaged() {
        let ownerless = examined.ownerless.iter();
        problems.extend(ownerless.map(|stream| {
            format!(
                "what said whose stream {stream} is was lost from the journal: if the progress view does not know it \
                 either, its records are delivered to nobody, and stay until retention lets them go"
            )
        }));
    }
    if let Some((count, first)) = &examined.unreadable_state {
        problems.push(format!(
            "{count} records of the engine's state cannot be read, the first since {first}"
        ));
    }
    problems
}

fn notes(examined: &Examined) -> Vec<String> {
    let journal = &examined.journal;
    let mut notes = Vec::new();
    let tail: u64 = journal.segments.iter().map(|segment| segment.tail_bytes).sum();
    if tail > 0 && journal.lock == LockState::Free {
        notes.push(format!(
            "{tail} bytes of a write that was never acknowledged stand at the end; the next start cuts them"
        ));
    }
    if journal.end == EndState::Open && journal.lock == LockState::Free && !journal.segments.is_empty() {
        notes.push(
            "it was not closed cleanly: what a failing disk took from the very end could not be told from a write that was \
             never acknowledged"
                .to_owned(),
        );
    }
    if examined.view.bytes.is_none() && !journal.segments.is_empty() {
        notes
            .push("the progress view is not there; the next start makes it anew from the journal".to_owned());
    }
    if let Some(set_aside) = &examined.view.set_aside {
        notes.push(format!(
            "an earlier progress view was set aside as {}; it may be deleted",
            set_aside.display()
        ));
    }
    notes
}

fn suggestions(examined: &Examined, problems: &[String]) -> Vec<String> {
    let journal = &examined.journal;
    let mut suggestions = Vec::new();
    if journal.is_damaged() {
        suggestions.push(
            "look at the disk (dmesg, smartctl); copy the directory before anything else; what is whole is served, and \
             events that are lost are counted as unreadable"
                .to_owned(),
        );
        suggestions.push("if there is a backup that holds what is lost, start on it".to_owned());
    } else if !problems.is_empty() {
        suggestions.push("start nothing on it before that is cleared up".to_owned());
    }
    if journal.free_bytes.is_some_and(|free| free < FREE_BYTES_FEW) {
        suggestions.push("make room on the disk: with so little free, new events are refused".to_owned());
    }
    suggestions
}

#[cfg(test)]
mod tests;
