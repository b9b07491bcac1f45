//! Dialogues → interleaved records, as a busy deployment would write them. The same seed gives the same records.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::fact::{Fact, MessageFact, Said, When};
use super::forms::{self, FORMS, Form};
use super::malformed;
use crate::data::{Address, Dialogue, Turn, UserAgent};
use crate::kafka_io::Record;

/// When the stream begins, 2025-03-01T08:00:00Z: so long ago that what has no end is abandoned.
const STREAM_START_MS: i64 = 1_740_816_000_000;
/// Event clock's advance from one record to the next: two dialogues of twenty are interleaved in about 4 minutes.
const STEP_MS: std::ops::Range<i64> = 1..50;
/// How many records later a late or repeated one may come.
const LATE_BY_RECORDS: std::ops::Range<u64> = 1..2_000;
/// How much later a repeated record may be stamped when its producer stamps it again.
const RESTAMPED_MS: std::ops::Range<i64> = 1..5_000;

/// The seed that `HEARKEN_CRASH_SEED` says, to see a run again; else any.
///
/// # Panics
/// It says no number.
pub fn seed() -> u64 {
    let seed = std::env::var("HEARKEN_CRASH_SEED").ok();
    seed.map_or_else(|| fastrand::u64(..1_000_000), |seed| seed.parse().expect("a seed is a number"))
}

/// What shapes the stream. Shares are between 0 and 1.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides everything that is random.
    pub seed: u64,
    /// Dialogues open at any time.
    pub num_interleaved: usize,
    /// Partitions of the topic.
    pub num_partitions: i32,
    /// Share of records that come twice.
    pub duplicates: f64,
    /// Malformed records per good one.
    pub malformed: f64,
    /// Share of records that come late.
    pub late: f64,
    /// Share of dialogues whose records are spread over all partitions.
    pub scattered: f64,
    /// Share of messages that are edited afterwards.
    pub edited: f64,
    /// Share of dialogues without an end.
    pub unended: f64,
    /// Share of dialogues that are erased.
    pub erased: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 1,
            num_interleaved: 500,
            num_partitions: 4,
            duplicates: 0.03,
            malformed: 0.01,
            late: 0.02,
            scattered: 0.05,
            edited: 0.01,
            unended: 0.02,
            erased: 0.005,
        }
    }
}

/// A record and what it says; `None` for one that cannot be understood.
#[derive(Debug, Clone)]
pub struct WorkloadRecord {
    /// What goes to Kafka.
    pub record: Record,
    /// What it means.
    pub fact: Option<Fact>,
}

/// The stream of records, as an iterator.
pub struct Workload<'a> {
    options: Options,
    rng: Rng,
    waiting: Vec<&'a Dialogue>,
    open: Vec<Conversation<'a>>,
    user_agents: WeightedUserAgents<'a>,
    addresses: &'a [Address],
    clock_ms: i64,
    num_created: u64,
    num_malformed: usize,
    held: BinaryHeap<Reverse<Held>>,
}

impl<'a> Workload<'a> {
    /// The stream of these dialogues, each exactly once.
    pub fn new(
        options: Options,
        dialogues: &'a [Dialogue],
        user_agents: &'a [UserAgent],
        addresses: &'a [Address],
    ) -> Workload<'a> {
        let mut rng = Rng::with_seed(options.seed);
        let mut waiting: Vec<_> = dialogues.iter().collect();
        rng.shuffle(&mut waiting);
        Workload {
            options,
            rng,
            waiting,
            open: Vec::new(),
            user_agents: WeightedUserAgents::new(user_agents),
            addresses,
            clock_ms: STREAM_START_MS,
            num_created: 0,
            num_malformed: 0,
            held: BinaryHeap::new(),
        }
    }

    /// Opens dialogues until enough are open, and makes the next record of one of them.
    fn create(&mut self) -> Option<WorkloadRecord> {
        while self.open.len() < self.options.num_interleaved
            && let Some(dialogue) = self.waiting.pop()
        {
            let conversation = Conversation::open(dialogue, self);
            self.open.push(conversation);
        }
        if self.open.is_empty() {
            return None;
        }
        self.clock_ms += self.rng.i64(STEP_MS);
        self.num_created += 1;
        let idx = self.rng.usize(..self.open.len());
        if self.rng.f64() < self.options.malformed {
            return Some(self.create_malformed(idx));
        }
        let record = self.create_good(idx);
        if self.open[idx].next_step >= self.open[idx].steps.len() {
            self.open.swap_remove(idx);
        }
        Some(record)
    }

    fn create_malformed(&mut self, idx: usize) -> WorkloadRecord {
        let partition = self.rng.i32(0..self.options.num_partitions);
        let id = self.open[idx].dialogue.interaction_id();
        let record = malformed::record(self.num_malformed, &id, partition, self.clock_ms);
        self.num_malformed += 1;
        WorkloadRecord { record, fact: None }
    }

    fn create_good(&mut self, idx: usize) -> WorkloadRecord {
        let (clock_ms, num_created) = (self.clock_ms, self.num_created);
        let form = FORMS[self.rng.usize(..FORMS.len())];
        let conversation = &mut self.open[idx];
        let partition = match conversation.partition {
            Some(partition) => partition,
            None => self.rng.i32(0..self.options.num_partitions),
        };
        let fact = conversation.say(form, clock_ms, &mut self.rng);
        let record = forms::record(&fact, form, partition, &format!("event-{num_created}"));
        WorkloadRecord { record, fact: Some(fact) }
    }

    /// Puts a record aside until some later ones have been made.
    fn hold(&mut self, record: WorkloadRecord) {
        let after = self.num_created + self.rng.u64(LATE_BY_RECORDS);
        self.held.push(Reverse(Held { after, order: self.rng.u64(..), record }));
    }

    /// The same record once more, sometimes with a new timestamp, as after a restart of its producer.
    fn repeated(&mut self, original: &WorkloadRecord) -> WorkloadRecord {
        let mut again = original.clone();
        if self.rng.bool() {
            again.record.timestamp_ms += self.rng.i64(RESTAMPED_MS);
            if let Some(fact) = &mut again.fact {
                fact.recorded_ms = again.record.timestamp_ms;
            }
        }
        again
    }
}

impl Iterator for Workload<'_> {
    type Item = WorkloadRecord;

    fn next(&mut self) -> Option<WorkloadRecord> {
        loop {
            if self.held.peek().is_some_and(|Reverse(held)| held.after <= self.num_created) {
                return self.held.pop().map(|Reverse(held)| held.record);
            }
            let Some(record) = self.create() else {
                return self.held.pop().map(|Reverse(held)| held.record);
            };
            if record.fact.is_some() && self.rng.f64() < self.options.duplicates {
                let again = self.repeated(&record);
                self.hold(again);
            }
            if self.rng.f64() < self.options.late {
                self.hold(record);
                continue;
            }
            return Some(record);
        }
    }
}

struct Held {
    after: u64,
    order: u64, // breaks ties, so that the heap's order is a fact of the seed
    record: WorkloadRecord,
}

impl PartialEq for Held {
    fn eq(&self, other: &Held) -> bool {
        (self.after, self.order) == (other.after, other.order)
    }
}

impl Eq for Held {}

impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Held) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Held {
    fn cmp(&self, other: &Held) -> std::cmp::Ordering {
        (self.after, self.order).cmp(&(other.after, other.order))
    }
}

enum Step<'a> {
    Start(Map<String, Value>),
    Turn { number: usize, turn: &'a Turn },
    Edit { number: usize, turn: &'a Turn },
    End,
    Rate(u64),
    Analyze(Map<String, Value>),
    Erase,
}

/// One dialogue on its way into the stream.
struct Conversation<'a> {
    dialogue: &'a Dialogue,
    partition: Option<i32>, // `None`: every record its own
    start_ms: Option<i64>,  // as `started` gives it
    steps: Vec<Step<'a>>,
    next_step: usize,
    /// A field of `started` that is only known later and rides along with a message.
    late_fields: Map<String, Value>,
}

impl<'a> Conversation<'a> {
    fn open(dialogue: &'a Dialogue, workload: &mut Workload<'a>) -> Conversation<'a> {
        let options = &workload.options;
        let rng = &mut workload.rng;
        let user_agent = workload.user_agents.pick(rng);
        let address = &workload.addresses[rng.usize(..workload.addresses.len())];
        let fields = started_fields(dialogue, user_agent, address, rng);
        let late_fields = if rng.f64() < 0.1 {
            Map::from_iter([
                ("user_id".to_owned(), json!(format!("known-later-{}", rng.u16(..)))),
                ("metadata".to_owned(), json!({"customer": {"plan": "enterprise"}})),
            ])
        } else {
            Map::new()
        };

        let mut steps = vec![Step::Start(fields)];
        for (number, turn) in dialogue.turns.iter().enumerate() {
            steps.push(Step::Turn { number, turn });
            if rng.f64() < options.edited {
                steps.push(Step::Edit { number, turn });
            }
        }
        if dialogue.channel == "voice" || rng.f64() >= options.unended {
            steps.push(Step::End);
        }
        if let Some(rating) = dialogue.labels.get("csat_user").and_then(Value::as_u64) {
            steps.push(Step::Rate(rating));
        }
        if let Some(analysis) = upstream_analysis(dialogue) {
            steps.push(Step::Analyze(analysis));
        }
        if rng.f64() < options.erased {
            // Anywhere: what comes after it must stay away, too.
            steps.insert(rng.usize(..=steps.len()), Step::Erase);
        }
        let scattered = rng.f64() < options.scattered;
        let partition = (!scattered).then(|| rng.i32(0..options.num_partitions));
        Conversation { dialogue, partition, start_ms: None, steps, next_step: 0, late_fields }
    }

    /// The next thing that happens in this conversation, said now.
    fn say(&mut self, form: Form, now_ms: i64, rng: &mut Rng) -> Fact {
        let step = &self.steps[self.next_step];
        self.next_step += 1;
        let recorded_ms = now_ms + rng.i64(0..40);
        let mut fields = Map::new();
        // What the event itself says of its time, apart from the attribute of a CloudEvent.
        let mut data_time_ms = None;
        let said = match step {
            Step::Start(started) => {
                fields = started.clone();
                if rng.f64() < 0.9 {
                    self.start_ms = Some(now_ms);
                    data_time_ms = Some(now_ms);
                    fields.insert("start_time".into(), json!(super::fact::rfc3339(now_ms)));
                }
                Said::Started
            }
            Step::Turn { number, turn } => {
                if *number == 2 {
                    fields = std::mem::take(&mut self.late_fields);
                }
                let when = match (self.start_ms, rng.u8(0..10)) {
                    (Some(start_ms), 0..4) => When::OffsetMs(now_ms - start_ms),
                    (_, 4..6) => When::EventTime,
                    _ => When::AtMs(now_ms),
                };
                if let When::AtMs(at) = when {
                    data_time_ms = Some(at);
                }
                let text = turn.text.clone();
                Said::Message(message(self.dialogue, *number, turn, text, when, rng))
            }
            Step::Edit { number, turn } => {
                // The final text of a speech recogniser, or a correction: same id, said when it is said.
                data_time_ms = Some(now_ms);
                let text = format!("{} (as corrected)", turn.text);
                Said::Message(message(self.dialogue, *number, turn, text, When::AtMs(now_ms), rng))
            }
            Step::End => {
                let end_time_ms = (rng.f64() < 0.8).then_some(now_ms);
                data_time_ms = end_time_ms;
                let status = match rng.u8(0..20) {
                    0 => Some("transferred"),
                    1 => Some("failed"),
                    2..10 => Some("finished"),
                    _ => None,
                };
                let reasons = [None, Some("customer_left"), Some("resolved"), Some("timeout")];
                let end_reason = reasons[rng.usize(..reasons.len())];
                let voice = self.dialogue.channel == "voice";
                let recording_url = voice.then(|| format!("https://recordings.example/{now_ms}.ogg"));
                Said::Ended { end_time_ms, status, end_reason, recording_url }
            }
            Step::Rate(rating) => {
                Said::Rated { rating: *rating, comment: (*rating < 3).then_some("not what I hoped for") }
            }
            Step::Analyze(analysis) => Said::Analyzed(analysis.clone()),
            Step::Erase => Said::Erased,
        };
        // A CloudEvent is stamped when it is sent, a little after what it reports.
        let own_time_ms = if form.is_cloud_event() { Some(now_ms + rng.i64(0..20)) } else { data_time_ms };
        Fact { interaction_id: self.dialogue.interaction_id(), own_time_ms, recorded_ms, said, fields }
    }
}

fn message(
    dialogue: &Dialogue,
    number: usize,
    turn: &Turn,
    text: String,
    when: When,
    rng: &mut Rng,
) -> MessageFact {
    // A speaker that the collection does not identify is taken for the customer.
    let role = if turn.role == "unknown" { "user" } else { turn.role.as_str() };
    let mut fields = Map::from_iter([("role".to_owned(), json!(role)), ("message".to_owned(), json!(text))]);
    let mut add = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    if role == "assistant" && rng.f64() < 0.9 {
        let models = ["gpt-4.1-mini", "claude-haiku-4-5", "gemini-2.5-flash"];
        let input_tokens = rng.u64(50..4_000);
        add("llm_model", json!(models[rng.usize(..models.len())]));
        add(
            "usage",
            json!({"input_tokens": input_tokens, "cached_input_tokens": rng.u64(0..input_tokens),
                            "output_tokens": rng.u64(1..400)}),
        );
    }
    if dialogue.channel == "voice" && role == "user" {
        add("confidence", json!(f64::from(rng.u8(50..=100)) / 100.0));
        add("interrupted", json!(rng.bool()));
    }
    // One row calls a tool without a name, which is no tool call.
    if let Some((name, arguments)) = turn.tool_call.iter().find(|(name, _)| !name.is_empty()) {
        add("tool", json!({"name": name, "arguments": arguments}));
    }
    // Ids of even and odd length, so that both ways to name a message in a bare event occur.
    MessageFact { id: format!("m{number}"), when, fields }
}

fn started_fields(
    dialogue: &Dialogue,
    user_agent: &str,
    address: &Address,
    rng: &mut Rng,
) -> Map<String, Value> {
    let text = |name: &str| dialogue.labels.get(name).and_then(Value::as_str);
    let voice = dialogue.channel == "voice";
    let organizations = ["Northwind", "Contoso", "Fabrikam Reisen"];
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    add("organization", json!(organizations[rng.usize(..organizations.len())]));
    add("agent", json!(text("domain").or(text("vertical")).unwrap_or("concierge")));
    add("type", json!(if voice { "voice_call" } else { "text_chat" }));
    add("integration", json!(if voice { "telephony" } else { "web_widget" }));
    add("language", json!(dialogue.language));
    add("user_agent", json!(user_agent));
    add("ip_address", json!(address.ip));
    add(
        "metadata",
        json!({"dataset": dialogue.dataset, "customer": {"plan": "pro", "seats": rng.u8(1..9)}, "beta": rng.bool()}),
    );
    if rng.bool() {
        add("direction", json!(if voice && rng.bool() { "outbound" } else { "inbound" }));
    }
    if voice {
        add("caller", json!(format!("+49301234{:04}", rng.u16(0..10_000))));
    } else {
        add("url", json!(format!("https://www.shop-{}.example/help?page={}", rng.u8(1..5), rng.u8(1..50))));
        add("user_id", json!(format!("u-{}", rng.u16(..))));
    }
    if rng.bool() {
        add("llm_model", json!("gpt-4.1"));
    }
    fields
}

/// What an upstream system found out about the few dialogues that come with such labels.
fn upstream_analysis(dialogue: &Dialogue) -> Option<Map<String, Value>> {
    let label = |name: &str| dialogue.labels.get(name).cloned();
    Some(Map::from_iter([
        ("sentiment".to_owned(), label("sentiment_llm")?),
        ("topic".to_owned(), label("mined_topic_llm")?),
        ("summary".to_owned(), label("topic_llm")?),
        ("keywords".to_owned(), label("key_phrases_llm")?),
    ]))
}

struct WeightedUserAgents<'a> {
    user_agents: &'a [UserAgent],
    total: f64,
}

impl<'a> WeightedUserAgents<'a> {
    fn new(user_agents: &'a [UserAgent]) -> WeightedUserAgents<'a> {
        WeightedUserAgents { user_agents, total: user_agents.iter().map(|ua| ua.weight).sum() }
    }

    fn pick(&self, rng: &mut Rng) -> &'a str {
        let mut left = rng.f64() * self.total;
        let picked = self.user_agents.iter().find(|ua| {
            left -= ua.weight;
            left <= 0.0
        });
        picked.or(self.user_agents.last()).map_or("", |ua| &ua.ua)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;
    use crate::real_input::{Expected, Fold};

    fn dialogues() -> Vec<Dialogue> {
        let dialogue = |number: usize| {
            json!({
                "dataset": "made-up", "dialogue_id": number.to_string(), "language": "en",
                "channel": if number.is_multiple_of(10) { "voice" } else { "chat" },
                "turns": (0..12).map(|turn| {
                    let role = if turn % 2 == 0 { "user" } else { "assistant" };
                    json!({"role": role, "text": format!("turn {turn} of {number}")})
                }).collect::<Vec<_>>(),
                "labels": {"csat_user": number % 5 + 1},
            })
        };
        (0..1_000).map(|number| serde_json::from_value(dialogue(number)).unwrap()).collect()
    }

    fn workload(seed: u64, dialogues: &[Dialogue]) -> Vec<WorkloadRecord> {
        let user_agent =
            json!({"ua": "Browser/1.0", "weight": 1.0, "browser": null, "os": null, "device": null});
        let address = json!({"ip": "192.0.2.1", "country": "DE", "city": null});
        let user_agents = [serde_json::from_value(user_agent).unwrap()];
        let addresses = [serde_json::from_value(address).unwrap()];
        Workload::new(Options { seed, ..Options::default() }, dialogues, &user_agents, &addresses).collect()
    }

    fn fold<'a>(records: impl IntoIterator<Item = &'a WorkloadRecord>) -> (Vec<String>, Vec<Expected>) {
        let mut fold = Fold::default();
        records.into_iter().filter_map(|record| record.fact.as_ref()).for_each(|fact| fold.add(fact));
        (fold.erased().into_iter().map(str::to_owned).collect(), fold.expected())
    }

    #[test]
    fn the_seed_decides_everything() {
        let dialogues = dialogues();
        let records =
            |seed| workload(seed, &dialogues).into_iter().map(|record| record.record).collect::<Vec<_>>();
        assert_eq!(records(3), records(3));
        assert_ne!(records(3), records(4));
    }

    #[test]
    fn records_are_repeated_malformed_and_spread_in_the_shares_that_were_asked_for() {
        let dialogues = dialogues();
        let records = workload(1, &dialogues);
        let share = |count: usize| count as f64 / records.len() as f64;

        let malformed = records.iter().filter(|record| record.fact.is_none()).count();
        assert!((0.008..0.012).contains(&share(malformed)), "{malformed} of {}", records.len());
        let mut seen = HashSet::new();
        let good = records.iter().filter(|record| record.fact.is_some());
        let repeated = good.filter(|good| !seen.insert((&good.record.value, &good.record.headers))).count();
        assert!((0.025..0.035).contains(&share(repeated)), "{repeated} of {}", records.len());
        for partition in 0..4 {
            let in_it = records.iter().filter(|record| record.record.partition == partition).count();
            assert!((0.2..0.3).contains(&share(in_it)), "{in_it} of {} in {partition}", records.len());
        }
    }

    #[test]
    fn every_dialogue_is_told_whole_and_any_order_tells_the_same() {
        let dialogues = dialogues();
        let mut records = workload(1, &dialogues);
        let (erased, expected) = fold(&records);
        assert_eq!(erased.len() + expected.len(), dialogues.len());
        assert!(!erased.is_empty());
        assert!(expected.iter().any(|interaction| interaction.end_ms.is_none()));
        assert!(expected.iter().all(|interaction| interaction.transcript.len() == 12));
        Rng::with_seed(9).shuffle(&mut records);
        let (erased_again, expected_again) = fold(&records);
        assert_eq!(erased_again, erased);
        assert_eq!(format!("{expected_again:?}"), format!("{expected:?}"));
    }
}
