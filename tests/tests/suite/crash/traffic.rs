//! The traffic of the campaigns: numbered events, a ledger in which every 202 is a debt, endpoints that write down what
//! they take, and producers that keep on until their process dies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use harness::judge::{Account, Taken};
use harness::producer::content_type;
use harness::{Answer, Event, Producer, Received, Resources, Sink, Trigger};
use http::{Method, StatusCode};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Events of NATS are numbered from here on.
pub(super) const NATS_FROM: u64 = 1_000_000_000;
/// Events of one batch.
const BATCH: usize = 20;
/// How long the slow endpoint takes.
const SLOW: Duration = Duration::from_millis(40);

/// The triggers, each with what it is there to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Role {
    /// Gets everything, from an endpoint in good health.
    All,
    /// Its endpoint refuses each event once or more before it takes it.
    Flaky,
    /// Its endpoint takes its time.
    Slow,
    /// Its endpoint takes nothing, its dead letter sink everything.
    Buried,
    /// Its endpoint answers with an event.
    Asks,
    /// Gets those answers.
    Answers,
    /// Left out of the configuration now and then.
    Detached,
    /// Its endpoint refuses for good: its events end in the dead-letter store.
    Stored,
}

/// All roles that have an endpoint that takes events.
pub(super) const TAKING: [Role; 7] = [
    Role::All,
    Role::Flaky,
    Role::Slow,
    Role::Buried,
    Role::Asks,
    Role::Answers,
    Role::Detached,
];

impl Role {
    /// The trigger's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Flaky => "flaky",
            Self::Slow => "slow",
            Self::Buried => "buried",
            Self::Asks => "asks",
            Self::Answers => "answers",
            Self::Detached => "detached",
            Self::Stored => "stored",
        }
    }

    /// The role that event number `n` is for, beside [`Role::All`].
    pub(super) fn of(n: u64) -> Option<Self> {
        match n % 20 {
            0 | 10 => Some(Self::Flaky),
            3 => Some(Self::Buried),
            5 => Some(Self::Asks),
            7 => Some(Self::Slow),
            9 | 19 => Some(Self::Detached),
            11 if n % 400 == 11 => Some(Self::Stored),
            _ => None,
        }
    }

    /// Whether a trigger of this role gets event number `n`.
    fn gets(self, n: u64) -> bool {
        match self {
            Self::All => true,
            Self::Answers => Self::of(n) == Some(Self::Asks),
            other => Self::of(n) == Some(other),
        }
    }
}

fn event_type(n: u64) -> String {
    format!("crash.{}", Role::of(n).map_or("plain", Role::name))
}

/// The payload of event number `n`: mostly small, now and then large.
fn payload(n: u64) -> Bytes {
    let ballast = match n % 97 {
        0 => 300_000,
        other => usize::try_from(other * 13).expect("a small number"),
    };
    Bytes::from(format!(r#"{{"n": {n}, "ballast":"{}"}}"#, "x".repeat(ballast)))
}

/// Event number `n`.
pub(super) fn event(n: u64) -> Event {
    Event::new(n.to_string())
        .ty(&event_type(n))
        .source("/crash")
        .with("partitionkey", &(n % 7).to_string())
        .data("application/json", payload(n))
}

/// What was promised and what came, over all lives of one data directory. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger(Arc<Book>);

#[derive(Debug)]
struct Book {
    next: AtomicU64,
    life: AtomicU32,
    sent: Mutex<BTreeSet<u64>>,
    acknowledged: Mutex<BTreeSet<u64>>,
    batches: Mutex<Vec<(Vec<u64>, bool)>>,
    taken: Mutex<HashMap<Role, BTreeMap<u64, Taken>>>,
    altered: Mutex<HashMap<Role, Vec<String>>>,
    activity: watch::Sender<Activity>,
}

/// What happened in the present life, counted as it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Activity {
    /// Events answered 202.
    pub(super) accepted: u64,
    /// Events that the healthy endpoint took.
    pub(super) delivered: u64,
    /// Attempts that the flaky endpoint refused.
    pub(super) refused: u64,
    /// Events that the dead letter sink took.
    pub(super) buried: u64,
    /// Replies that were delivered.
    pub(super) answered: u64,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            next: AtomicU64::new(1),
            life: AtomicU32::new(0),
            sent: Mutex::default(),
            acknowledged: Mutex::default(),
            batches: Mutex::default(),
            taken: Mutex::default(),
            altered: Mutex::default(),
            activity: watch::Sender::new(Activity::default()),
        }
    }
}

impl Ledger {
    /// A new life of the process begins.
    pub(super) fn begin_life(&self) {
        self.0.life.fetch_add(1, Ordering::Relaxed);
        self.0.activity.send_replace(Activity::default());
    }

    fn life(&self) -> u32 {
        self.0.life.load(Ordering::Relaxed)
    }

    /// Follows what happens in this life.
    pub(super) fn activity(&self) -> watch::Receiver<Activity> {
        self.0.activity.subscribe()
    }

    /// How many events were acknowledged so far.
    pub(super) fn acknowledged(&self) -> usize {
        self.0.acknowledged.lock().len()
    }

    /// The next so many numbers, written down as sent.
    pub(super) fn send(&self, count: usize) -> Vec<u64> {
        let count = count as u64;
        let first = self.0.next.fetch_add(count, Ordering::Relaxed);
        let numbers: Vec<u64> = (first..first + count).collect();
        self.sent(&numbers);
        numbers
    }

    /// These are about to be sent.
    pub(super) fn sent(&self, numbers: &[u64]) {
        self.0.sent.lock().extend(numbers);
    }

    /// These were acknowledged: from now on they are owed.
    pub(super) fn acknowledge(&self, numbers: &[u64]) {
        self.0.acknowledged.lock().extend(numbers);
        let count = numbers.len() as u64;
        self.0.activity.send_modify(|activity| activity.accepted += count);
    }

    /// A source's server has stored this one: it is owed, though nobody posted it.
    pub(super) fn owe(&self, n: u64) {
        self.0.acknowledged.lock().insert(n);
    }

    fn batch(&self, numbers: Vec<u64>, acknowledged: bool) {
        if acknowledged {
            self.acknowledge(&numbers);
        }
        self.0.batches.lock().push((numbers, acknowledged));
    }

    /// Batches of which some events came and some did not.
    pub(super) fn torn_batches(&self) -> Vec<Vec<u64>> {
        let taken = self.0.taken.lock();
        let Some(all) = taken.get(&Role::All) else {
            return Vec::new();
        };
        let batches = self.0.batches.lock();
        let came = |numbers: &[u64]| numbers.iter().filter(|n| all.contains_key(n)).count();
        let torn = batches
            .iter()
            .filter(|(numbers, _)| ![0, numbers.len()].contains(&came(numbers)));
        torn.map(|(numbers, _)| numbers.clone()).collect()
    }

    /// An endpoint answers 2xx to this request.
    fn take(&self, role: Role, request: &Received) {
        match read(role, request) {
            Ok(n) => {
                // Of the process that sent it: one that was killed may have requests in the endpoint's socket still.
                let life = request
                    .path
                    .trim_start_matches('/')
                    .parse()
                    .expect("the mesh names its life");
                let mut taken = self.0.taken.lock();
                let taken = taken.entry(role).or_default().entry(n).or_default();
                taken.times += 1;
                // What NATS sends again after a crash is stored again: that is two events with one id.
                let is_repeated = taken.times > 1 && taken.life == life && n < NATS_FROM;
                taken.repeated += u32::from(is_repeated);
                taken.life = life;
            }
            Err(words) => self.0.altered.lock().entry(role).or_default().push(words),
        }
        self.0.activity.send_modify(|activity| match role {
            Role::All => activity.delivered += 1,
            Role::Buried => activity.buried += 1,
            Role::Answers => activity.answered += 1,
            _ => {}
        });
    }

    fn refuse(&self) {
        self.0.activity.send_modify(|activity| activity.refused += 1);
    }

    /// What these roles were owed and got.
    pub(super) fn accounts(&self, roles: &[Role]) -> Vec<Account> {
        let (sent, acknowledged) = (self.0.sent.lock(), self.0.acknowledged.lock());
        let (mut taken, mut altered) = (self.0.taken.lock().clone(), self.0.altered.lock().clone());
        let of = |numbers: &BTreeSet<u64>, role: Role| {
            numbers.iter().filter(|n| role.gets(**n)).copied().collect()
        };
        let account = |role: &Role| Account {
            trigger: role.name().to_owned(),
            owed: of(&acknowledged, *role),
            possible: of(&sent, *role),
            taken: taken.remove(role).unwrap_or_default(),
            altered: altered.remove(role).unwrap_or_default(),
        };
        roles.iter().map(account).collect()
    }

    /// Acknowledged events that are to end in the dead-letter store, by id.
    pub(super) fn owed_to_store(&self) -> BTreeSet<String> {
        let acknowledged = self.0.acknowledged.lock();
        let stored = acknowledged.iter().filter(|n| Role::Stored.gets(**n));
        stored.map(u64::to_string).collect()
    }
}

/// The number of the event that a request carries, if it is that event, byte for byte.
fn read(role: Role, request: &Received) -> Result<u64, String> {
    let id = request.attribute("id");
    let number = if role == Role::Answers || id.starts_with('a') {
        id.strip_prefix('a').and_then(|n| n.parse().ok())
    } else {
        id.parse().ok()
    };
    let n: u64 = number.ok_or_else(|| format!("no event of ours: {id:?}"))?;
    let ty = if id.starts_with('a') {
        "crash.answer".to_owned()
    } else {
        event_type(n)
    };
    let is_right = request.body == payload(n)
        && request.attribute("type") == ty
        && request.attribute("source") == "/crash"
        && request.header("content-type") == "application/json";
    is_right.then_some(n).ok_or_else(|| {
        format!(
            "event {n} came changed: {:?}, {} bytes",
            request.headers,
            request.body.len()
        )
    })
}

/// The endpoints of all roles.
#[derive(Debug)]
pub(super) struct Endpoints {
    all: Sink,
    flaky: Sink,
    slow: Sink,
    refuses: Sink,
    buried: Sink,
    asks: Sink,
    answers: Sink,
    detached: Sink,
    stored: Sink,
}

impl Endpoints {
    /// Starts them; what they take is written into the ledger.
    pub(super) async fn start(ledger: &Ledger) -> Self {
        let takes = async |role: Role| {
            let ledger = ledger.clone();
            Sink::counting(move |request| {
                ledger.take(role, request);
                Answer::ok()
            })
            .await
        };
        // The answers are events as well, which the healthy one gets: it takes them and owes nothing for them.
        let healthy = {
            let ledger = ledger.clone();
            Sink::counting(move |request| {
                if request.attribute("type") != "crash.answer" {
                    ledger.take(Role::All, request);
                }
                Answer::ok()
            })
        };
        Self {
            all: healthy.await,
            flaky: flaky(ledger).await,
            slow: slow(ledger).await,
            refuses: Sink::counting(|_| Answer::status(503)).await,
            buried: takes(Role::Buried).await,
            asks: asks(ledger).await,
            answers: takes(Role::Answers).await,
            detached: takes(Role::Detached).await,
            stored: Sink::counting(|_| Answer::status(400)).await,
        }
    }

    /// The mesh in front of them in the present life, with or without the trigger that comes and goes.
    pub(super) fn resources(&self, ledger: &Ledger, detached: bool, nats: Option<&str>) -> Resources {
        let life = format!("/{}", ledger.life());
        let soon = |retry: u32| json!({"retry": retry, "backoffPolicy": "linear", "backoffDelay": "PT0.02S"});
        let mut burying = soon(1);
        burying["deadLetterSink"] = json!({"uri": self.buried.url(&life)});
        let trigger = |role: Role, sink: &Sink, ty: &str| {
            Trigger::new(role.name(), &sink.url(&life)).attributes(json!({"type": format!("crash.{ty}")}))
        };
        let mut resources = Resources::with_default_broker()
            .trigger(Trigger::new("all", &self.all.url(&life)))
            .trigger(trigger(Role::Flaky, &self.flaky, "flaky").delivery(soon(20)))
            .trigger(trigger(Role::Slow, &self.slow, "slow"))
            .trigger(trigger(Role::Buried, &self.refuses, "buried").delivery(burying))
            .trigger(trigger(Role::Asks, &self.asks, "asks"))
            .trigger(trigger(Role::Answers, &self.answers, "answer"))
            .trigger(trigger(Role::Stored, &self.stored, "stored"));
        if detached {
            resources = resources.trigger(trigger(Role::Detached, &self.detached, "detached"));
        }
        if let Some(url) = nats {
            let spec =
                json!({"url": url, "jetstream": {"stream": "CRASH", "consumer": "mesh", "ackWait": "PT2S"}});
            resources = resources.source("heddle.dev/v1", "NatsSource", "messages", spec);
        }
        resources
    }
}

/// Takes an event at its second, third or fourth attempt.
async fn flaky(ledger: &Ledger) -> Sink {
    let ledger = ledger.clone();
    let mut attempts: HashMap<String, u64> = HashMap::new();
    Sink::counting(move |request| {
        let id = request.attribute("id");
        let needed = 1 + id.parse::<u64>().unwrap_or(0) / 10 % 3;
        let made = attempts.entry(id).or_default();
        *made += 1;
        if *made > needed {
            ledger.take(Role::Flaky, request);
            Answer::ok()
        } else {
            ledger.refuse();
            Answer::status(503).body("not now")
        }
    })
    .await
}

async fn slow(ledger: &Ledger) -> Sink {
    let ledger = ledger.clone();
    Sink::counting(move |request| {
        ledger.take(Role::Slow, request);
        Answer::ok().after(SLOW)
    })
    .await
}

async fn asks(ledger: &Ledger) -> Sink {
    let ledger = ledger.clone();
    Sink::counting(move |request| {
        ledger.take(Role::Asks, request);
        let Ok(n) = request.attribute("id").parse() else {
            return Answer::ok();
        };
        let reply = Event {
            id: format!("a{n}"),
            ..event(n).ty("crash.answer")
        };
        Answer::reply(&reply)
    })
    .await
}

/// Producers that send until they have sent what they were told to, or until the process is gone.
#[derive(Debug)]
pub(super) struct Producers(JoinSet<()>);

impl Producers {
    /// Starts singles in binary and structured mode and a sender of batches; together they send about `events`.
    pub(super) fn start(url: &str, ledger: &Ledger, events: usize) -> Self {
        let mut tasks = JoinSet::new();
        let left = Arc::new(AtomicU64::new(events as u64));
        for _ in 0..6 {
            tasks.spawn(singles(
                Producer::new(url),
                ledger.clone(),
                Arc::clone(&left),
                false,
            ));
        }
        tasks.spawn(singles(
            Producer::new(url),
            ledger.clone(),
            Arc::clone(&left),
            true,
        ));
        tasks.spawn(batches(Producer::new(url), ledger.clone(), left));
        Self(tasks)
    }

    /// Waits until all have ended.
    pub(super) async fn finish(mut self) {
        while let Some(ended) = self.0.join_next().await {
            ended.expect("a producer's task does not panic");
        }
    }
}

/// Takes so many from what is left to send; `false` when nothing is.
fn takes(left: &AtomicU64, count: u64) -> bool {
    let take = |left: u64| (left > 0).then(|| left.saturating_sub(count));
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
}

async fn singles(producer: Producer, ledger: Ledger, left: Arc<AtomicU64>, structured: bool) {
    while takes(&left, 1) {
        let numbers = ledger.send(1);
        let event = event(numbers[0]);
        let (headers, body) = if structured {
            (content_type("application/cloudevents+json"), event.structured())
        } else {
            (event.binary_headers(), event.data.clone())
        };
        match producer.try_request(Method::POST, headers, body).await {
            Ok(answered) if answered.status == StatusCode::ACCEPTED => ledger.acknowledge(&numbers),
            // A refusal owes nothing.
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

async fn batches(producer: Producer, ledger: Ledger, left: Arc<AtomicU64>) {
    while takes(&left, BATCH as u64) {
        let numbers = ledger.send(BATCH);
        let texts = numbers.iter().map(|n| event(*n).structured());
        let texts: Vec<String> = texts
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .collect();
        let body = format!("[{}]", texts.join(","));
        let headers = content_type("application/cloudevents-batch+json");
        let answered = producer.try_request(Method::POST, headers, body.into()).await;
        let accepted = matches!(&answered, Ok(answered) if answered.status == StatusCode::ACCEPTED);
        ledger.batch(numbers, accepted);
        if answered.is_err() {
            return;
        }
    }
}
