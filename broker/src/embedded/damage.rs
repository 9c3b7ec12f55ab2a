//! What is damaged, told in words: in the log once, and for as long as the process runs to whoever asks what a person
//! should know. Opening finds some of it; the rest is met when it is read, since opening believes what sealed segments
//! say of themselves.

use journal::{Bounds, Lost, Quarantined, StreamId};

use super::records::{FIRST_BROKER_STREAM, STATE};
use super::shared::Shared;
use crate::limits::{DAMAGE_TOLD_MAX, LOST_NAMED_MAX};

impl Shared {
    /// Tells of records that turned out to be damaged: once a place, and of no more places than a person reads.
    pub(crate) fn note_damaged(&self, stream: StreamId, from: u64, to: u64, reason: &str) {
        let whose = self.words_for(stream);
        let what =
            format!("the data directory is damaged: {whose} {from} to {to} cannot be read back: {reason}");
        let told = self.lost();
        if told.contains(&what) || told.len() > DAMAGE_TOLD_MAX {
            return;
        }
        if told.len() == DAMAGE_TOLD_MAX {
            self.note_lost("the data directory is damaged in further places, which `heddle doctor` names");
        } else {
            self.note_lost(&what);
        }
    }

    /// What is in a stream.
    fn words_for(&self, stream: StreamId) -> String {
        match self.streams.by_number(stream.0) {
            _ if stream == STATE => "the engine's state".to_owned(),
            Some(broker) if broker.events == stream.0 => format!("events of {}", broker.name),
            Some(broker) => format!("dead letters of {}", broker.name),
            None if self.is_redrive_stream(stream.0) => "dead letters that were sent again".to_owned(),
            None => format!("records of stream {}", stream.0),
        }
    }
}

/// Says what is damaged, and has what is known of the state stored anew: what told it may be gone.
pub(super) fn note_damage(shared: &Shared, quarantined: &[Quarantined], lost: &[String]) {
    for part in quarantined {
        shared.note_lost(&format!(
            "the data directory is damaged: {}: {}",
            part.file, part.reason
        ));
    }
    for lost in lost {
        shared.note_lost(&format!("lost for good: {lost}"));
    }
    if shared.lost().is_empty() {
        return;
    }
    shared.request_snapshot();
    let mut streams = shared.journal.streams();
    streams.sort_unstable_by_key(|(stream, _)| *stream);
    for (StreamId(stream), Bounds { first, last }) in streams {
        let is_known = stream < FIRST_BROKER_STREAM
            || shared.streams.by_number(stream).is_some()
            || shared.is_redrive_stream(stream);
        if !is_known && first <= last {
            shared.note_lost(&format!(
                "what said whose stream {stream} is was lost: its records {first} to {last} are delivered to nobody, \
                 and stay on disk for as long as retention keeps what is settled"
            ));
        }
    }
}

/// What is lost by the names of the streams, the first of it when it is in many places.
pub(super) fn lost_in_words(shared: &Shared, lost: &[Lost]) -> Vec<String> {
    let named = lost.iter().take(LOST_NAMED_MAX);
    let mut words: Vec<String> = named
        .map(|lost| format!("{} {} to {}", shared.words_for(lost.stream), lost.from, lost.to))
        .collect();
    if lost.len() > LOST_NAMED_MAX {
        words.push(format!(
            "and in {} further places, which `heddle doctor` names",
            lost.len() - LOST_NAMED_MAX
        ));
    }
    words
}
