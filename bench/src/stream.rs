//! Real dialogues as events, and the same messages as plain documents.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Result;
use hearken_tests::data::{self, Address, Dialogue, UserAgent};
use hearken_tests::kafka_io::Producer;
use hearken_tests::real_input::fact::{Fact, Said};
use hearken_tests::real_input::{Options, Workload, WorkloadRecord};
use serde_json::{Map, Value};

use crate::broker::{NUM_PARTITIONS, TOPIC};
use crate::report;

/// The dialogues of a run with what their `started` events carry.
pub(crate) struct Stream {
    dialogues: Vec<Dialogue>,
    user_agents: Vec<UserAgent>,
    addresses: Vec<Address>,
    /// The GeoIP file that knows the addresses.
    pub(crate) geoip_database: PathBuf,
}

/// What was written to the broker.
pub(crate) struct Produced {
    /// Records, one event each.
    pub(crate) num_events: u64,
    /// Bytes of the records' values: event JSON without keys and headers.
    pub(crate) raw_bytes: u64,
    /// Each interaction as one would index it with only a search library.
    pub(crate) documents: Vec<PlainDocument>,
}

/// One interaction as a text and as JSON.
pub(crate) struct PlainDocument {
    /// The interaction.
    pub(crate) id: String,
    /// Everything that was said, a line each.
    pub(crate) text: String,
    /// Its fields and its messages.
    pub(crate) stored: String,
}

impl Stream {
    /// All dialogues, or `num_interactions`: evenly picked from all collections, or repeated under new ids.
    pub(crate) fn load(num_interactions: Option<usize>) -> Result<Stream> {
        let data_dir = data::data_dir()?;
        let real = data::dialogues(&data_dir)?;
        let num_interactions = num_interactions.unwrap_or(real.len());
        let picked = |number: usize| {
            if num_interactions < real.len() {
                return real[number * real.len() / num_interactions].clone();
            }
            let mut dialogue = real[number % real.len()].clone();
            if number >= real.len() {
                dialogue.dialogue_id += &format!("/again-{}", number / real.len());
            }
            dialogue
        };
        Ok(Stream {
            dialogues: (0..num_interactions).map(picked).collect(),
            user_agents: data::user_agents(&data_dir)?,
            addresses: data::addresses(&data_dir)?,
            geoip_database: data::geoip_database(&data_dir),
        })
    }

    /// How many interactions there are.
    pub(crate) fn num_interactions(&self) -> usize {
        self.dialogues.len()
    }

    /// How many messages they have.
    pub(crate) fn num_messages(&self) -> usize {
        self.dialogues.iter().map(|dialogue| dialogue.turns.len()).sum()
    }

    /// How many events: each interaction's start and end, and its messages.
    pub(crate) fn num_events(&self) -> usize {
        self.num_messages() + 2 * self.dialogues.len()
    }

    /// Their events: 500 interactions interleaved, in order, each once, all of them with an end.
    pub(crate) fn workload(&self) -> Workload<'_> {
        let options = Options {
            num_partitions: NUM_PARTITIONS,
            duplicates: 0.0,
            malformed: 0.0,
            late: 0.0,
            scattered: 0.0,
            edited: 0.0,
            unended: 0.0,
            erased: 0.0,
            ..Options::default()
        };
        Workload::new(options, &self.dialogues, &self.user_agents, &self.addresses)
    }

    /// Writes all events to the broker and waits until it has them.
    pub(crate) fn produce(&self, bootstrap_servers: &str) -> Result<Produced> {
        let bar = report::bar("producing", self.num_events() as u64);
        let producer = Producer::new(bootstrap_servers, TOPIC)?;
        let (mut num_events, mut raw_bytes) = (0, 0);
        let mut drafts = HashMap::<String, Draft>::with_capacity(self.dialogues.len());
        for WorkloadRecord { record, fact } in self.workload() {
            producer.send(&record)?;
            num_events += 1;
            raw_bytes += record.value.as_ref().map_or(0, Vec::len) as u64;
            if let Some(fact) = fact {
                drafts.entry(fact.interaction_id.clone()).or_default().add(fact);
            }
            bar.inc(1);
        }
        producer.flush()?;
        bar.finish_and_clear();
        let documents = drafts.into_iter().map(|(id, draft)| draft.finish(id)).collect();
        Ok(Produced { num_events, raw_bytes, documents })
    }
}

#[derive(Default)]
struct Draft {
    fields: Map<String, Value>,
    text: String,
    transcript: Vec<Value>,
}

impl Draft {
    fn add(&mut self, fact: Fact) {
        self.fields.extend(fact.fields);
        match fact.said {
            Said::Message(message) => {
                self.text.push_str(message.fields.get("message").and_then(Value::as_str).unwrap_or_default());
                self.text.push('\n');
                self.transcript.push(message.fields.into());
            }
            Said::Analyzed(analysis) => self.fields.extend(analysis),
            Said::Rated { rating, .. } => drop(self.fields.insert("rating".into(), rating.into())),
            Said::Ended { end_reason, .. } => {
                drop(self.fields.insert("end_reason".into(), end_reason.into()))
            }
            Said::Started | Said::Erased => {}
        }
    }

    fn finish(mut self, id: String) -> PlainDocument {
        self.fields.insert("id".into(), id.as_str().into());
        self.fields.insert("transcript".into(), self.transcript.into());
        PlainDocument { id, text: self.text, stored: Value::from(self.fields).to_string() }
    }
}
