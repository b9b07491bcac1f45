//! The workload on its way to a broker, and what it means.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Fold, Options, Workload, WorkloadRecord};
use crate::data::{Address, Dialogue, UserAgent};
use crate::kafka_io::{Producer, Record};

/// Writes the workload to the broker and remembers what it means.
pub struct WorkloadProducer<'a> {
    workload: Workload<'a>,
    producer: Producer,
    /// What was said so far.
    pub fold: Fold,
    /// Records on the broker so far.
    pub num_produced: u64,
    next_offsets: BTreeMap<i32, i64>,
    /// Malformed records by partition and offset.
    pub malformed: BTreeMap<(i32, i64), Record>,
}

impl<'a> WorkloadProducer<'a> {
    /// The stream of these dialogues into `topic`, which is empty.
    pub fn new(
        (servers, topic): (&str, &str),
        options: Options,
        dialogues: &'a [Dialogue],
        user_agents: &'a [UserAgent],
        addresses: &'a [Address],
    ) -> Result<WorkloadProducer<'a>> {
        Ok(WorkloadProducer {
            workload: Workload::new(options, dialogues, user_agents, addresses),
            producer: Producer::new(servers, topic)?,
            fold: Fold::default(),
            num_produced: 0,
            next_offsets: BTreeMap::new(),
            malformed: BTreeMap::new(),
        })
    }

    /// Writes up to `num_max` records and waits until the broker has them; how many it wrote.
    pub fn produce(&mut self, num_max: usize) -> Result<u64> {
        let num_before = self.num_produced;
        for WorkloadRecord { record, fact } in self.workload.by_ref().take(num_max) {
            self.producer.send(&record)?;
            self.num_produced += 1;
            let next_offset = self.next_offsets.entry(record.partition).or_default();
            match fact {
                Some(fact) => self.fold.add(&fact),
                None => drop(self.malformed.insert((record.partition, *next_offset), record)),
            }
            *next_offset += 1;
        }
        self.producer.flush()?;
        Ok(self.num_produced - num_before)
    }
}
