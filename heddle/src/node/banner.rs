//! What a node says of itself when it starts: where it is, how durable it is, what it found.

use std::fmt::Write;
use std::path::PathBuf;

use broker::embedded::{Durability, Embedded, Opened};

use super::running::Listeners;
use crate::cli::node::NodeArgs;
use crate::ready_file::base_url;
use crate::wiring::Wiring;
use crate::{durability, file_system, terminal};

/// The facts, put into words for a terminal or a log.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Base URL of the ingress.
    pub(super) ingress: String,
    /// Base URL of the admin API.
    pub(super) admin: String,
    /// The data directory, absolute.
    pub(super) data: PathBuf,
    durability: Durability,
    opened: Opened,
    /// A broker to try.
    broker: Option<String>,
    /// The file with the token that producers must send.
    token_file: Option<PathBuf>,
    counts: Counts,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    brokers: usize,
    triggers: usize,
    sources: usize,
}

impl Facts {
    pub(super) fn new(
        args: &NodeArgs,
        listeners: &Listeners,
        engine: &Embedded,
        opened: Opened,
        wiring: &Wiring,
    ) -> Self {
        Self {
            ingress: base_url(listeners.ingress.address()),
            admin: base_url(listeners.admin.address()),
            data: engine.directory().to_owned(),
            durability: engine.durability(),
            opened,
            broker: wiring.catalogue.brokers.first().map(ToString::to_string),
            token_file: args.ingress_token_file.clone(),
            counts: Counts {
                brokers: wiring.brokers.len(),
                triggers: wiring.triggers.len(),
                sources: wiring.sources.len(),
            },
        }
    }

    /// A page for a terminal.
    pub(super) fn banner(&self) -> String {
        let mut text = format!("heddle {}\n\n", env!("CARGO_PKG_VERSION"));
        let mut line = |label: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {label:11} {value}");
        };
        line(
            "ingress",
            &format!("{}  (post events to /NAMESPACE/BROKER)", self.ingress),
        );
        line("admin", &format!("{}  (/readyz, /metrics, /api/v1)", self.admin));
        line("data", &self.data.display().to_string());
        line("durability", &durability::promise(self.durability));
        line("recovery", &recovery(&self.opened));
        for quarantined in &self.opened.quarantined {
            line("DAMAGED", quarantined);
        }
        for lost in &self.opened.lost {
            line("LOST", lost);
        }
        if let Some(warning) = file_system::temporary(&self.data) {
            line(
                "WARNING",
                &format!("{warning}; choose another place with --data DIR"),
            );
        }
        if let Some(broker) = &self.broker {
            text.push_str("\nPaste this into another terminal:\n\n");
            text.push_str(&self.curl(broker));
        }
        text.push('\n');
        text
    }

    /// A line for the log, and one for each thing to look at.
    pub(super) fn log(&self) {
        let Counts {
            brokers,
            triggers,
            sources,
        } = self.counts;
        tracing::info!(
            ingress = self.ingress,
            admin = self.admin,
            data = %self.data.display(),
            durability = durability::promise(self.durability),
            recovery = recovery(&self.opened),
            brokers,
            triggers,
            sources,
            "heddle {} is ready",
            env!("CARGO_PKG_VERSION"),
        );
        for quarantined in &self.opened.quarantined {
            tracing::error!(quarantined, "damaged data was set aside");
        }
        if let Some(warning) = file_system::temporary(&self.data) {
            tracing::warn!("{warning}");
        }
    }

    fn curl(&self, broker: &str) -> String {
        let token = self.token_file.as_ref().map_or_else(String::new, |path| {
            format!(
                "    -H \"authorization: Bearer $(cat '{}')\" \\\n",
                path.display()
            )
        });
        format!(
            "  curl -i {}/{broker} \\\n{token}    \
             -H 'ce-specversion: 1.0' -H 'ce-type: demo.hello' -H 'ce-source: /curl' -H 'ce-id: 1' \\\n    \
             -H 'content-type: application/json' -d '{{\"hello\":\"world\"}}'\n",
            self.ingress
        )
    }
}

/// What opening the data directory found.
fn recovery(opened: &Opened) -> String {
    if opened.created {
        return "a new data directory".to_owned();
    }
    let took = terminal::duration(opened.took);
    let mut text = format!(
        "ready after {took}, {} records looked through",
        opened.records_scanned
    );
    if opened.cut_bytes > 0 {
        let _ = write!(
            text,
            "; cut {} bytes of a write that was never acknowledged",
            opened.cut_bytes
        );
    }
    if let Some(why) = &opened.view_rebuilt {
        let _ = write!(text, "; rebuilt the progress view ({why})");
    }
    text
}

#[cfg(test)]
mod tests;
