//! The workload over HTTP, one record a request, and what it means.

use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use super::fact::rfc3339;
use super::{Fold, Options, Workload, WorkloadRecord};
use crate::data::{Address, Dialogue, UserAgent};
use crate::kafka_io::Record;

/// Sends the workload to a server that may be killed at any moment, and remembers what it means.
pub struct Poster<'a> {
    workload: Workload<'a>,
    client: Client,
    /// A record that was sent and not answered: it may have been accepted or not, and is sent again.
    unanswered: Option<WorkloadRecord>,
    /// What was accepted so far.
    pub fold: Fold,
    /// Records that were answered so far.
    pub num_posted: u64,
    /// Of these, how many were refused because they are malformed.
    pub num_refused: u64,
}

impl<'a> Poster<'a> {
    /// The stream of these dialogues.
    pub fn new(
        options: Options,
        dialogues: &'a [Dialogue],
        user_agents: &'a [UserAgent],
        addresses: &'a [Address],
    ) -> Result<Poster<'a>> {
        Ok(Poster {
            workload: Workload::new(options, dialogues, user_agents, addresses),
            client: Client::builder().timeout(Duration::from_secs(60)).build()?,
            unanswered: None,
            fold: Fold::default(),
            num_posted: 0,
            num_refused: 0,
        })
    }

    /// Sends up to `num_max` records, fewer if the server goes away; how many were answered.
    pub fn post(&mut self, base_url: &str, num_max: usize) -> Result<usize> {
        for num_answered in 0..num_max {
            let Some(next) = self.unanswered.take().or_else(|| self.workload.next()) else {
                return Ok(num_answered);
            };
            let answer = match self.send(base_url, &next.record) {
                Ok(answer) if answer.status() != 503 => answer,
                _ => {
                    self.unanswered = Some(next);
                    return Ok(num_answered);
                }
            };
            let status = answer.status().as_u16();
            let body: Value = answer.json().unwrap_or_default();
            let is_accepted = status == 202 && body["accepted"] == 1;
            match &next.fact {
                Some(fact) => {
                    ensure!(is_accepted, "answered {status} {body} to {:?}", next.record);
                    self.fold.add(fact);
                }
                None => {
                    // An array is a list of events here, and may be empty.
                    let is_refused = status == 400 || (status == 202 && body["accepted"] == 0);
                    ensure!(is_refused, "answered {status} {body} to {:?}", next.record);
                    self.num_refused += 1;
                }
            }
            self.num_posted += 1;
        }
        Ok(num_max)
    }

    /// What Kafka would say by the record's timestamp, `accepted_at` says here.
    fn send(&self, base_url: &str, record: &Record) -> Result<Response> {
        let mut url = url::Url::parse(base_url)?.join("/v1/events")?;
        url.query_pairs_mut().append_pair("accepted_at", &rfc3339(record.timestamp_ms));
        let mut request = self.client.post(url).body(record.value.clone().unwrap_or_default());
        for (name, value) in &record.headers {
            let value = value.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            request = match name.strip_prefix("ce_") {
                Some(attribute) => request.header(format!("ce-{attribute}"), value.as_ref()),
                None if name == "content-type" => request.header("content-type", value.as_ref()),
                None => request,
            };
        }
        Ok(request.send()?)
    }
}
