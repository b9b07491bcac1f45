//! The real dialogues as interactions: folded and derived as ingest does, so that topic, summary and keywords are those
//! that a user would get, and put into one index.

use std::time::Duration;

use anyhow::{Context, Result};
use hearken_analysis::{Analyzer, Memo};
use hearken_billing::{Billing, BillingSettings};
use hearken_index_tantivy::{Index, IndexReader, IndexWriter};
use hearken_ingest::{Deriver, IngestMetrics};
use hearken_model::{
    Document, End, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Role, State, Status,
    Timestamp,
};
use hearken_tests::data::{self, Dialogue};
use prometheus::Registry;
use tempfile::TempDir;

use super::hash;
use crate::report;

const FIRST_START_MS: i64 = 1_760_000_000_000;
const STARTS_SECONDS: u64 = 90 * 24 * 60 * 60;
const SECONDS_A_TURN: i64 = 9;
const BATCH: usize = 5_000;

/// The dialogues and an index of them.
pub(crate) struct Collection {
    pub(crate) dialogues: Vec<Dialogue>,
    pub(crate) reader: IndexReader,
    _writer: IndexWriter,
    _dir: TempDir,
}

impl Collection {
    /// Reads, derives and indexes all of them.
    pub(crate) fn load() -> Result<Collection> {
        let dialogues = data::dialogues(&data::data_dir()?)?;
        let metrics = IngestMetrics::new(&Registry::new())?;
        let billing = Billing::new(BillingSettings::default());
        let mut deriver = Deriver::new(Analyzer::built_in(), billing, Duration::from_secs(1_800), metrics);
        let dir = tempfile::tempdir()?;
        let (mut writer, reader) = Index::open(dir.path(), |_| {})?;
        let checkpoint = writer.checkpoint();
        let bar = report::bar("indexing", dialogues.len() as u64);
        for (number, dialogue) in dialogues.iter().enumerate() {
            let state = folded(dialogue)?;
            let derived = deriver.derive(&state, &mut Memo::default(), None);
            writer.put(Document { derived, ..Document::new(state) });
            if (number + 1).is_multiple_of(BATCH) {
                writer.refresh(&checkpoint)?;
                writer.flush_now()?; // else too much waits for a disk that is slower than this
                bar.set_position(number as u64);
            }
        }
        writer.refresh(&checkpoint)?;
        writer.merge_all()?;
        bar.finish_and_clear();
        Ok(Collection { dialogues, reader, _writer: writer, _dir: dir })
    }
}

/// Where a dialogue's labels hold, which is the collection that it is from; a filter of the searches that are judged.
pub(crate) fn source(dialogue: &Dialogue) -> String {
    format!("{} {}", dialogue.dataset, dialogue.language)
}

fn folded(dialogue: &Dialogue) -> Result<State> {
    let id = InteractionId::try_new(dialogue.interaction_id())?;
    let seconds = hash(&dialogue.interaction_id()) % STARTS_SECONDS;
    let start = Timestamp::from_millis(FIRST_START_MS + 1_000 * i64::try_from(seconds)?);
    let after = |turns: usize| start.plus_millis(turns as i64 * SECONDS_A_TURN * 1_000);
    let mut event = Event::new(id.clone(), start, start);
    event.started.start_time = Some(start);
    event.started.integration = Some(source(dialogue));
    event.started.interaction_type = Some(match dialogue.channel.as_str() {
        "voice" => InteractionType::VoiceCall,
        _ => InteractionType::TextChat,
    });
    for (number, turn) in dialogue.turns.iter().enumerate().filter(|(_, turn)| !turn.text.is_empty()) {
        let role = Role::from_name(&turn.role).unwrap_or(Role::User);
        let message = MessageUpdate::new(MessageTime::At(after(number)), role, turn.text.clone());
        event.messages.push((format!("m{number:04}"), message));
    }
    event.end = Some(End {
        end_time: Some(after(dialogue.turns.len())),
        status: Status::Finished,
        end_reason: None,
        recording_url: None,
        cost: None,
    });
    let mut state = State::new(id);
    state.fold(event, None).context("a dialogue beyond the limits")?;
    Ok(state)
}
