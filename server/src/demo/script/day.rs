//! Days of a support desk: conversations start throughout the day at a human pace, without end.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fastrand::Rng;
use hearken_model::Timestamp;
use serde_json::json;

use super::conversation::{DemoConversation, bundled};
use super::scenario::{Scenario, chosen, scenarios};
use super::{ACTIVITY, DemoRecord, HISTORY_MS, SLOT_MS, records_of, timeline};

/// Conversations that begin in the busiest hour; enough to have some in the quietest, too.
const PEAK_PER_HOUR: u64 = 72;

/// Activity on a Saturday or Sunday, in percent of a working day.
const WEEKEND_PERCENT: u64 = 80;

/// One conversation in this many is a bundled one, whatever its language; the others are generated from scenarios.
const BUNDLED_IN: u32 = 4;

/// How long ago the agents' newest version was released; half a week, so that it can be compared with its predecessor.
const RELEASE_MS: i64 = HISTORY_MS / 2;

/// The records of the week before `now`, due at once, and then of every day to come, in event order.
pub struct Day {
    now: Timestamp,
    recordings: String,
    bundled: Vec<DemoConversation>,
    scenarios: Vec<Scenario>,
    surroundings: Surroundings,
    /// The next quarter of an hour whose conversations have not begun.
    slot: i64,
    num_bundled: usize,
    /// Remaining records of the conversations that have begun, by time and number.
    records: BTreeMap<(Timestamp, u64), DemoRecord>,
    num_records: u64,
}

impl Day {
    /// Days around `now`, the start of the demo. `recordings` is the base address of the call recordings.
    pub fn around(now: Timestamp, recordings: &str) -> Day {
        let now = Timestamp::from_millis(now.as_millis());
        let bundled = bundled();
        let surroundings = Surroundings::of(&bundled);
        Day {
            now,
            recordings: recordings.to_owned(),
            bundled,
            scenarios: scenarios(),
            surroundings,
            slot: now.plus_millis(-HISTORY_MS).as_millis().div_euclid(SLOT_MS) + 1,
            num_bundled: 0,
            records: BTreeMap::new(),
            num_records: 0,
        }
    }

    fn begin_slot(&mut self) {
        let begin = Timestamp::from_millis(self.slot * SLOT_MS);
        // Each quarter of an hour has its own seed, so its content does not depend on when the demo starts.
        let mut rng = Rng::with_seed(self.slot.unsigned_abs());
        let hour = begin.as_millis().div_euclid(3_600_000);
        let busiest = ACTIVITY.into_iter().max().unwrap_or(1);
        // 1970 began on a Thursday.
        let is_weekend = matches!(hour.div_euclid(24).rem_euclid(7), 2 | 3);
        let percent = if is_weekend { WEEKEND_PERCENT } else { 100 };
        let per_slot = PEAK_PER_HOUR * ACTIVITY[hour.rem_euclid(24) as usize] * percent;
        let share = busiest * 100 * (3_600_000 / SLOT_MS.unsigned_abs());
        let mut num_conversations = per_slot / share;
        num_conversations += u64::from(rng.u64(..share) < per_slot % share);
        for _ in 0..num_conversations {
            let start = begin.plus_millis(rng.i64(0..SLOT_MS));
            self.begin(start, &mut rng);
        }
        self.slot += 1;
    }

    fn begin(&mut self, start: Timestamp, rng: &mut Rng) {
        let mut conversation = match rng.u32(..BUNDLED_IN) {
            // The stride shares no divisor with the count, so every conversation comes up before any repeats.
            0 => {
                self.num_bundled += 1;
                self.bundled[(self.num_bundled * 29) % self.bundled.len()].clone()
            }
            _ => chosen(&self.scenarios, |scenario| scenario.weight, rng).play(rng),
        };
        conversation.id =
            format!("{}-{:x}-{:04x}", conversation.organization, start.as_millis(), rng.u16(..));
        self.surroundings.fill(&mut conversation, rng);
        let is_new = self.now.millis_since(start) < RELEASE_MS;
        conversation.agent_version = Some(if is_new { "2.5" } else { "2.4" }.to_owned());
        let length_ms = timeline(&conversation).last().map_or(0, |spoken| spoken.end_ms);
        // History loads faster when each conversation comes as one event.
        conversation.completed =
            conversation.status.is_some() && start.plus_millis(length_ms + 60_000) < self.now;
        for (at, record) in records_of(&conversation, start, self.now, &self.recordings) {
            self.num_records += 1;
            self.records.insert((at, self.num_records), record);
        }
    }
}

impl Iterator for Day {
    type Item = DemoRecord;

    fn next(&mut self) -> Option<DemoRecord> {
        loop {
            let slot_start = Timestamp::from_millis(self.slot * SLOT_MS);
            match self.records.first_entry() {
                Some(first) if first.key().0 < slot_start => return Some(first.remove()),
                _ => self.begin_slot(),
            }
        }
    }
}

/// Who contacts the desk and from where: what the bundled conversations have, recombined.
struct Surroundings {
    /// Addresses by language.
    addresses: BTreeMap<String, Vec<IpAddr>>,
    user_agents: Vec<String>,
    /// Models by organization.
    models: BTreeMap<String, Vec<String>>,
}

impl Surroundings {
    fn of(bundled: &[DemoConversation]) -> Surroundings {
        let mut found =
            Surroundings { addresses: BTreeMap::new(), user_agents: Vec::new(), models: BTreeMap::new() };
        for conversation in bundled {
            let address: Option<IpAddr> =
                conversation.ip_address.as_deref().and_then(|address| address.parse().ok());
            found.addresses.entry(conversation.language.clone()).or_default().extend(address);
            found.user_agents.extend(conversation.user_agent.clone());
            let models = found.models.entry(conversation.organization.clone()).or_default();
            models.push(conversation.llm_model.clone());
        }
        found
    }

    /// Makes it another customer, on another device, in a country with the same language.
    fn fill(&self, conversation: &mut DemoConversation, rng: &mut Rng) {
        let number = rng.u32(10_000..100_000);
        conversation.user_id = format!("cus-{number}");
        let models = self.models.get(&conversation.organization).map(Vec::as_slice).unwrap_or_default();
        if let Some(model) = rng.choice(models) {
            conversation.llm_model.clone_from(model);
        }
        if conversation.r#type == "voice_call" {
            conversation.caller = Some(caller(&conversation.language, rng));
        } else {
            conversation.user_agent = rng.choice(&self.user_agents).cloned();
        }
        let known = self.addresses.get(&conversation.language).map(Vec::as_slice).unwrap_or_default();
        conversation.ip_address = rng.choice(known).map(|address| neighbour(*address, rng).to_string());
        let plan = ["basic", "plus", "business"][rng.usize(..3)];
        conversation.metadata.insert("plan".to_owned(), json!(plan));
    }
}

/// A telephone number reserved for fiction by regulators.
fn caller(language: &str, rng: &mut Rng) -> String {
    match language {
        "de" => format!("+49-30-23125-{:03}", rng.u32(..1_000)),
        "fr" => format!("+33-1-99-00-{:02}-{:02}", rng.u32(..100), rng.u32(..100)),
        _ => format!("+1-555-01{:02}", rng.u32(..100)),
    }
}

/// Another address in the same network of the demo's GeoIP file: a /27 or a /48.
fn neighbour(address: IpAddr, rng: &mut Rng) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & !31 | rng.u32(1..31)).into(),
        IpAddr::V6(address) => {
            let interface = u128::from(rng.u64(..));
            Ipv6Addr::from_bits(address.to_bits() >> 64 << 64 | interface).into()
        }
    }
}
