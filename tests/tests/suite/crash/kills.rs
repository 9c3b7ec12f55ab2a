//! Many lives of one data directory, each ended by `kill -9` at a moment of its own, and the judge at the end.
//!
//! `HEDDLE_CRASH_KILLS` says how many (10 unless told otherwise), `HEDDLE_CRASH_SEED` repeats a campaign: the moments
//! and what happens between the lives follow from it; the scheduling of the machine does not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_nats::jetstream;
use fastrand::Rng;
use harness::judge::{Verdict, judge};
use harness::not_run::not_run;
use harness::servers::nats::NatsServer;
use harness::{Heddle, PATIENCE, eventually, eventually_async};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::traffic::{self, Activity, Endpoints, Ledger, NATS_FROM, Producers, Role, TAKING};

/// Kills in the ordinary test run.
const KILLS: usize = 10;
/// The most events that are sent in one life.
const EVENTS_PER_LIFE: usize = 6_000;
/// The smallest segments, so that sealing and beginning one happens often, and a small reserve beside them.
const STORAGE: [(&str, &str); 2] = [("HEDDLE_SEGMENT_BYTES", "8MiB"), ("HEDDLE_RESERVE_BYTES", "8MiB")];
/// A moment that does not come: the life ends anyway.
const MOMENT_MAX: Duration = Duration::from_secs(20);
/// All work must be done this long after nothing crashes any more.
const SETTLED_WITHIN: Duration = Duration::from_secs(240);

/// When a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Starting,
    Accepting,
    Delivering,
    Retrying,
    Burying,
    Replying,
    Sealing,
    Checkpointing,
    Stopping,
    Paused,
    Resting,
}

const MOMENTS: [Moment; 11] = [
    Moment::Starting,
    Moment::Accepting,
    Moment::Delivering,
    Moment::Retrying,
    Moment::Burying,
    Moment::Replying,
    Moment::Sealing,
    Moment::Checkpointing,
    Moment::Stopping,
    Moment::Paused,
    Moment::Resting,
];

/// One data directory through all its lives.
struct Campaign {
    heddle: Heddle,
    ledger: Ledger,
    endpoints: Endpoints,
    nats: Option<NatsServer>,
    rng: Rng,
    /// How long the first start took: starts are killed within about that.
    start_took: Duration,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_over_many_kills() {
    let kills =
        number("HEDDLE_CRASH_KILLS").map_or(KILLS, |kills| usize::try_from(kills).expect("few kills"));
    let seed = number("HEDDLE_CRASH_SEED").unwrap_or_else(|| fastrand::u64(..));
    say(&format!(
        "crash: {kills} kills, seed {seed} (HEDDLE_CRASH_SEED repeats it)"
    ));
    let began = Instant::now();
    let mut campaign = Campaign::start(Rng::with_seed(seed)).await;
    let publisher = campaign.publish();

    let mut done: BTreeMap<Moment, usize> = BTreeMap::new();
    let mut deck = Vec::new();
    for _ in 0..kills {
        if deck.is_empty() {
            deck = MOMENTS.to_vec();
            campaign.rng.shuffle(&mut deck);
        }
        let moment = deck.pop().expect("a deck that was just filled");
        campaign.live(moment).await;
        *done.entry(moment).or_default() += 1;
        campaign.between_lives();
    }
    let verdicts = campaign.judge(publisher).await;
    report(&mut campaign, kills, seed, &done, &verdicts, began.elapsed()).await;
}

impl Campaign {
    async fn start(rng: Rng) -> Self {
        let ledger = Ledger::default();
        let endpoints = Endpoints::start(&ledger).await;
        let nats = match NatsServer::start().await {
            Ok(nats) => Some(nats),
            Err(why) => {
                not_run("a NATS source under kill -9", &why);
                None
            }
        };
        if let Some(nats) = &nats {
            let config = jetstream::stream::Config {
                name: "CRASH".into(),
                subjects: vec!["crash.>".into()],
                ..Default::default()
            };
            let context = jetstream::new(nats.client().await);
            context.create_stream(config).await.expect("nats makes a stream");
        }
        ledger.begin_life();
        let url = nats.as_ref().map(NatsServer::url);
        let resources = endpoints.resources(&ledger, true, url.as_deref());
        let began = Instant::now();
        let mut heddle = Heddle::start_with(&resources, &[], &STORAGE).await;
        let start_took = began.elapsed();
        heddle.kill();
        Self {
            heddle,
            ledger,
            endpoints,
            nats,
            rng,
            start_took,
        }
    }

    /// Publishes to NATS all the while. What NATS has stored is owed.
    fn publish(&self) -> Option<JoinHandle<()>> {
        let url = self.nats.as_ref()?.url();
        let ledger = self.ledger.clone();
        Some(tokio::spawn(async move {
            let client = async_nats::connect(url)
                .await
                .expect("a running server takes clients");
            let context = jetstream::new(client);
            let mut activity = ledger.activity();
            for n in NATS_FROM.. {
                // One message with every few events that are accepted over HTTP, until the campaign is over.
                let target = activity.borrow_and_update().accepted + 10;
                let more = activity.wait_for(|now| now.accepted >= target || now.accepted + 10 < target);
                if more.await.is_err() {
                    return;
                }
                publish_one(&context, &ledger, n).await;
            }
        }))
    }

    /// One life, from its start to `kill -9`.
    async fn live(&mut self, moment: Moment) {
        let detached = self.rng.bool();
        let url = self.nats.as_ref().map(NatsServer::url);
        self.ledger.begin_life();
        self.heddle
            .reconfigure(&self.endpoints.resources(&self.ledger, detached, url.as_deref()));
        self.heddle.launch();
        if moment == Moment::Starting {
            tokio::time::sleep(self.start_took.mul_f64(self.rng.f64() * 1.2)).await;
            self.heddle.kill();
            return;
        }
        self.heddle.await_ready().await;
        let url = self.heddle.broker("default/default");
        let events = EVENTS_PER_LIFE / 4 + self.rng.usize(..EVENTS_PER_LIFE * 3 / 4);
        let producers = Producers::start(&url, &self.ledger, events);
        // A moment that this life does not bring (there was nothing to retry any more, say) is as good as any.
        drop(tokio::time::timeout(MOMENT_MAX, self.wait_for(moment)).await);
        self.heddle.kill();
        producers.finish().await;
    }

    async fn wait_for(&mut self, moment: Moment) {
        let few = self.rng.u64(1..100);
        let many = self.rng.u64(1..EVENTS_PER_LIFE as u64 / 2);
        match moment {
            Moment::Starting => {}
            Moment::Accepting => self.until(|now| now.accepted >= many).await,
            Moment::Delivering => self.until(|now| now.delivered >= many).await,
            Moment::Retrying => self.until(|now| now.refused >= few).await,
            Moment::Burying => self.until(|now| now.buried >= few).await,
            Moment::Replying => self.until(|now| now.answered >= few).await,
            Moment::Sealing => {
                let before = segments(&self.journal());
                eventually("a new segment", PATIENCE, || {
                    (segments(&self.journal()) > before).then_some(())
                })
                .await;
            }
            Moment::Checkpointing => {
                self.until(|now| now.delivered >= few).await;
                let before = written(&self.view());
                eventually("a checkpoint", PATIENCE, || {
                    (written(&self.view()) > before).then_some(())
                })
                .await;
            }
            Moment::Stopping => {
                self.until(|now| now.accepted >= many).await;
                self.heddle.process().terminate();
                // A drain of this load takes up to about so long; some of the kills come after its end.
                tokio::time::sleep(Duration::from_millis(self.rng.u64(..300))).await;
            }
            Moment::Paused => {
                self.until(|now| now.accepted >= few).await;
                self.heddle.process().pause();
                tokio::time::sleep(Duration::from_millis(self.rng.u64(..500))).await;
                if self.rng.bool() {
                    self.heddle.process().resume();
                    self.until(|now| now.accepted >= few + 20).await;
                }
            }
            Moment::Resting => {
                self.is_idle(Role::All).await;
            }
        }
    }

    async fn until(&self, come: impl Fn(&Activity) -> bool) {
        let mut activity = self.ledger.activity();
        activity
            .wait_for(|now| come(now))
            .await
            .expect("the ledger outlives its readers");
    }

    /// What happens to a data directory while nobody looks: now and then the view goes.
    fn between_lives(&mut self) {
        if self.rng.u8(..4) == 0 {
            match fs::remove_dir_all(self.view()) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    panic!("the view stays: {error}")
                }
                _ => {}
            }
        }
    }

    fn journal(&self) -> PathBuf {
        self.heddle.folder().join("data/journal")
    }

    fn view(&self) -> PathBuf {
        self.heddle.folder().join("data/view")
    }

    /// The last life: everything is there, nothing crashes, and all debts are paid.
    async fn judge(&mut self, publisher: Option<JoinHandle<()>>) -> Vec<Verdict> {
        if let Some(publisher) = publisher {
            publisher.abort();
            // It ends in the middle of a message at worst: that one is not owed.
            drop(publisher.await);
        }
        let url = self.nats.as_ref().map(NatsServer::url);
        self.ledger.begin_life();
        self.heddle
            .reconfigure(&self.endpoints.resources(&self.ledger, true, url.as_deref()));
        self.heddle.launch();
        self.heddle.await_ready().await;
        if let Some(nats) = &self.nats {
            all_acknowledged(nats).await;
        }
        // Twice, since the work of one makes work for another: an answer is an event.
        for role in TAKING.into_iter().chain([Role::Stored]).cycle().take(16) {
            self.idle(role).await;
        }
        judge(&self.ledger.accounts(&TAKING))
    }

    /// Waits a while for the trigger to have nothing to do. It may have had nothing, and something again at once.
    async fn is_idle(&self, role: Role) -> bool {
        let show = [
            "get",
            "trigger",
            role.name(),
            "--output",
            "json",
            "--wait-idle",
            "60s",
        ];
        let shown = self
            .heddle
            .cli(&[&show[..], &["--admin", self.heddle.admin()]].concat())
            .await;
        shown.json()["idle"] == true
    }

    async fn idle(&self, role: Role) {
        let end = Instant::now() + SETTLED_WITHIN;
        while !self.is_idle(role).await {
            assert!(
                Instant::now() < end,
                "{} is not done within {SETTLED_WITHIN:?}",
                role.name()
            );
        }
    }
}

async fn publish_one(context: &jetstream::Context, ledger: &Ledger, n: u64) {
    let event = traffic::event(n);
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", &n.to_string()),
        ("ce-source", &event.source),
        ("ce-type", &event.ty),
        ("ce-datacontenttype", "application/json"),
    ] {
        headers.insert(name, value);
    }
    ledger.sent(&[n]);
    let published = context
        .publish_with_headers("crash.n", headers, event.data)
        .await
        .expect("nats takes a message");
    if published.await.is_ok() {
        ledger.owe(n);
    }
}

/// Waits until NATS has nothing left that heddle did not acknowledge.
async fn all_acknowledged(nats: &NatsServer) {
    let context = jetstream::new(nats.client().await);
    eventually_async("every message is acknowledged", SETTLED_WITHIN, || async {
        let consumer =
            context.get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>("mesh", "CRASH");
        let mut consumer = consumer.await.ok()?;
        let info = consumer.info().await.ok()?;
        (info.num_pending == 0 && info.num_ack_pending == 0).then_some(())
    })
    .await;
}

/// Says how it went, and fails when a debt was not paid.
async fn report(
    campaign: &mut Campaign,
    kills: usize,
    seed: u64,
    done: &BTreeMap<Moment, usize>,
    verdicts: &[Verdict],
    took: Duration,
) {
    let moments: Vec<String> = done
        .iter()
        .map(|(moment, count)| format!("{moment:?} {count}").to_lowercase())
        .collect();
    say(&format!("crash: killed while {}", moments.join(", ")));
    for verdict in verdicts {
        say(&format!("crash: {verdict}"));
    }
    let listed = campaign
        .heddle
        .cli(&[
            "dead-letters",
            "list",
            "--trigger",
            "default/stored",
            "--limit",
            "1000",
            "--output",
            "json",
            "--admin",
            campaign.heddle.admin(),
        ])
        .await
        .json();
    let listed = listed["items"]
        .as_array()
        .or_else(|| listed.as_array())
        .cloned()
        .unwrap_or_default();
    let ids: Vec<String> = listed
        .iter()
        .map(|entry| entry["eventId"].as_str().unwrap_or("?").to_owned())
        .collect();
    let mut missing = campaign.ledger.owed_to_store();
    let owed = missing.len();
    missing.retain(|id| !ids.contains(id));
    let mut once = BTreeSet::new();
    // What NATS sends again after a crash is stored again: that is two events with one id.
    let is_ours = |id: &&String| id.parse().is_ok_and(|n: u64| n < NATS_FROM);
    let twice = ids.iter().filter(is_ours).filter(|id| !once.insert(*id)).count();
    say(&format!(
        "crash: dead-letter store: owed {owed}, lost {}, twice {twice}",
        missing.len()
    ));
    let torn = campaign.ledger.torn_batches();
    let lost: usize = verdicts.iter().map(Verdict::lost).sum::<usize>() + missing.len();
    let duplicated: u64 = verdicts.iter().map(|verdict| verdict.duplicated).sum();
    say(&format!(
        "crash: {kills} kills, seed {seed}, {} acknowledged, lost {lost}, duplicated {duplicated}, {} s",
        campaign.ledger.acknowledged(),
        took.as_secs()
    ));
    let is_clean = verdicts.iter().all(Verdict::is_clean) && torn.is_empty() && missing.is_empty();
    if !is_clean || twice > 0 {
        let folder = campaign.heddle.keep();
        panic!(
            "seed {seed}: see above; torn batches: {torn:?}; the data is in {}",
            folder.display()
        );
    }
}

/// Past the test runner's capture: what a campaign did is worth a line also when it went well.
fn say(line: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "{line}").expect("standard error takes a line");
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {value}")),
    )
}

fn segments(journal: &Path) -> usize {
    let names = fs::read_dir(journal).expect("a journal that was opened has a folder");
    names
        .filter(|entry| {
            entry
                .as_ref()
                .is_ok_and(|entry| entry.path().extension() == Some("seg".as_ref()))
        })
        .count()
}

/// When the view was written last.
fn written(view: &Path) -> Option<SystemTime> {
    fs::metadata(view.join("db"))
        .and_then(|file| file.modified())
        .ok()
}
