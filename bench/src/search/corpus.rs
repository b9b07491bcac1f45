//! Interactions by the million: the first half of one real dialogue, the second half of another of the same collection
//! and language, under a new id, with made-up surroundings (country, agent, browser, …) whose values are as unevenly
//! spread as real ones. The same number always makes the same interaction.

use anyhow::{Context, Result};
use fastrand::Rng;
use hearken_model::{
    Document, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Role, Sentiment, State,
    Status, Timestamp,
};
use hearken_tests::data::{self, Dialogue};

/// The fields that are counted.
pub(crate) const FACETS: [&str; 5] = ["country", "agent", "language", "browser", "sentiment"];
/// The field that `filter only` filters by.
pub(crate) const FILTER: &str = "country";
/// Its values, the most frequent first.
pub(crate) const COUNTRIES: [&str; 12] = [
    "Germany", "France", "Spain", "Italy", "Japan", "Brazil", "India", "Kenya", "Canada", "Poland", "Chile",
    "Norway",
];
const AGENTS: [&str; 8] = ["Ada", "Bob", "Cleo", "Dora", "Emil", "Fay", "Gus", "Hana"];
const BROWSERS: [&str; 5] = ["Chrome", "Safari", "Edge", "Firefox", "Samsung Internet"];
const STREAM_START_MS: i64 = 1_760_000_000_000;
const STREAM_SECONDS: i64 = 90 * 24 * 60 * 60;
const SECONDS_A_TURN: i64 = 9;

/// Makes interactions.
pub(crate) struct Corpus {
    dialogues: Vec<Dialogue>,
    /// For each dialogue, the first and the number of those of its collection and language, which stand together.
    alike: Vec<(usize, usize)>,
}

/// One interaction, for an engine that is given documents and for one that is given text and fields.
pub(crate) struct Made {
    /// As Hearken stores it.
    pub(crate) document: Document,
    /// Everything that was said, a line each, then topic, summary and keywords.
    pub(crate) text: String,
}

impl Corpus {
    /// Reads the dialogues.
    pub(crate) fn load() -> Result<Corpus> {
        let mut dialogues = data::dialogues(&data::data_dir()?)?;
        let group = |dialogue: &Dialogue| (dialogue.dataset.clone(), dialogue.language.clone());
        dialogues.sort_by_cached_key(|dialogue| (group(dialogue), dialogue.dialogue_id.clone()));
        let mut alike = Vec::with_capacity(dialogues.len());
        for group in dialogues.chunk_by(|one, other| group(one) == group(other)) {
            let first = alike.len();
            alike.extend(std::iter::repeat_n((first, group.len()), group.len()));
        }
        Ok(Corpus { dialogues, alike })
    }

    /// Interaction `number`.
    pub(crate) fn make(&self, number: usize) -> Result<Made> {
        let mut random = Rng::with_seed(number as u64);
        let first_idx = random.usize(..self.dialogues.len());
        let (group, group_len) = self.alike[first_idx];
        let first = &self.dialogues[first_idx];
        let second = &self.dialogues[group + random.usize(..group_len)];
        let turns = first.turns[..first.turns.len().div_ceil(2)]
            .iter()
            .chain(&second.turns[second.turns.len() / 2..]);

        let id = InteractionId::try_new(format!("made-{:08x}-{number:08x}", random.u32(..)))?;
        let start_ms = STREAM_START_MS + 1_000 * random.i64(..STREAM_SECONDS);
        let start = Timestamp::from_millis(start_ms);
        let mut event = Event::new(id.clone(), start, start);
        event.started.start_time = Some(start);
        let mut text = String::new();
        for (turn, at) in turns.filter(|turn| !turn.text.is_empty()).zip(0_i64..) {
            let time = MessageTime::At(start.plus_millis(at * SECONDS_A_TURN * 1_000));
            let role = Role::from_name(&turn.role).unwrap_or(Role::User);
            let message = MessageUpdate::new(time, role, turn.text.clone());
            text.push_str(&turn.text);
            text.push('\n');
            event.messages.push((format!("m{at:03}"), message));
        }
        let num_messages = event.messages.len();
        let mut state = State::new(id);
        state.fold(event, None).context("a dialogue beyond the limits")?;
        let mut document = Document::new(state);

        let head = &mut document.derived.head;
        head.id = document.state.id.as_str().to_owned();
        head.organization = Some("acme".to_owned());
        head.interaction_type = Some(InteractionType::TextChat);
        head.status = Some(Status::Finished);
        head.agent = Some(uneven(&mut random, &AGENTS));
        head.country = Some(uneven(&mut random, &COUNTRIES));
        head.browser = Some(uneven(&mut random, &BROWSERS));
        head.language = Some(first.language.clone());
        head.user_id = Some(format!("user-{}", random.u32(..50_000)));
        head.csat = Some(random.u8(1..=5));
        head.start_time = Some(start);
        head.duration = Some((num_messages as i64 * SECONDS_A_TURN) as f64);
        head.messages_count = num_messages as u64;
        let topics = &mut head.topics_summary;
        topics.sentiment = Some(Sentiment::ALL[random.usize(..Sentiment::ALL.len())]);
        topics.topic = Some(first.dataset.replace(['_', '/'], " "));
        topics.summary = first.turns.first().map(|turn| turn.text.clone());
        topics.keywords = second.turns.last().map_or_else(Vec::new, |turn| {
            turn.text.split_whitespace().filter(|word| word.len() > 5).take(3).map(str::to_owned).collect()
        });
        for said in topics.topic.iter().chain(&topics.summary).chain(&topics.keywords) {
            text.push_str(said);
            text.push('\n');
        }
        Ok(Made { document, text })
    }
}

/// The first of the values most often, the last hardly ever.
fn uneven(random: &mut Rng, values: &[&str]) -> String {
    let place = random.f64().powi(2) * values.len() as f64;
    values[place as usize].to_owned()
}

/// The value of one of [`FACETS`].
pub(crate) fn facet_value(document: &Document, facet: &str) -> String {
    let head = &document.derived.head;
    match facet {
        "country" => head.country.clone(),
        "agent" => head.agent.clone(),
        "language" => head.language.clone(),
        "browser" => head.browser.clone(),
        _ => head.topics_summary.sentiment.map(|sentiment| sentiment.as_str().to_owned()),
    }
    .unwrap_or_default()
}
