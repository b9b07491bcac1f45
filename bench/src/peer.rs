//! OpenSearch fed with the same events at the same times: how long after `_bulk` answers a search finds an event.
//!
//! Each event is a document, written once; the refresh is the default, every second. There is no broker in
//! front of it and nothing is folded, enriched or analysed, so all that is compared is when a search finds what was said.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hearken_tests::engines::OpenSearch;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::freshness::{Event, PROBE_PATIENCE, SEARCH_INTERVAL, Schedule};

const INDEX: &str = "events";

/// What a probe's word is, and when OpenSearch had it.
struct Written {
    word: String,
    at: Instant,
}

/// Feeds the events at their times; the times from the answer to `_bulk` until each probe is found.
pub(crate) fn freshness(events: Vec<Event>, schedule: Schedule) -> Result<Vec<Duration>> {
    let node = OpenSearch::start().map_err(|unavailable| anyhow::anyhow!("{unavailable}"))?;
    let url = node.base_url();
    let client = Client::new();
    let index = json!({"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": false, "properties": {
        "message": {"type": "text"}, "interaction_id": {"type": "keyword"}, "role": {"type": "keyword"},
    }}});
    let made = client.put(format!("{url}/{INDEX}")).json(&index).send()?;
    if !made.status().is_success() {
        bail!("OpenSearch makes no index: {}", made.text()?);
    }
    let (events_tx, events_rx) = channel();
    let (written_tx, written_rx) = channel();
    thread::scope(|scope| {
        let feeder = scope.spawn(|| feed(&client, &url, events_rx, written_tx));
        let searcher = scope.spawn(|| search(&client, &url, written_rx));
        schedule.run(events, |event| events_tx.send(event).context("the feeder has failed"))?;
        drop(events_tx);
        let fed = feeder.join().ok().context("the feeding thread panicked")?;
        fed?;
        searcher.join().ok().context("the searching thread panicked")?
    })
}

/// Sends what has come since the last time in one `_bulk`, over and over.
fn feed(client: &Client, url: &str, events: Receiver<Event>, written: Sender<Written>) -> Result<()> {
    while let Ok(first) = events.recv() {
        let batch: Vec<Event> = std::iter::once(first).chain(events.try_iter()).collect();
        let mut body = String::new();
        for event in &batch {
            body.push_str("{\"index\":{}}\n");
            body.push_str(&event.plain.to_string());
            body.push('\n');
        }
        let answer = client
            .post(format!("{url}/{INDEX}/_bulk"))
            .header("content-type", "application/x-ndjson")
            .body(body)
            .send()?;
        let answer: Value = answer.json()?;
        if answer["errors"] != false {
            bail!("OpenSearch refuses events: {answer}");
        }
        let at = Instant::now();
        for word in batch.into_iter().filter_map(|event| event.word) {
            let _ = written.send(Written { word, at }); // nobody listens any more only when the run has failed
        }
    }
    Ok(())
}

fn search(client: &Client, url: &str, written: Receiver<Written>) -> Result<Vec<Duration>> {
    let mut found = Vec::new();
    for Written { word, at } in written {
        let query = json!({"size": 0, "track_total_hits": true, "query": {"match": {"message": word}}});
        loop {
            let answer: Value = client.post(format!("{url}/{INDEX}/_search")).json(&query).send()?.json()?;
            if answer["hits"]["total"]["value"] == 1 {
                break;
            }
            if at.elapsed() > PROBE_PATIENCE {
                bail!("OpenSearch did not find `{word}` within {PROBE_PATIENCE:?}: {answer}");
            }
            thread::sleep(SEARCH_INTERVAL);
        }
        found.push(at.elapsed());
    }
    Ok(found)
}
