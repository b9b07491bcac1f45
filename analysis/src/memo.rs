//! What was found in each message, kept from one analysis to the next.

use hearken_model::Role;

use crate::analyzer::{Conversation, Utterance};
use crate::csat;
use crate::cues::{CueMatcher, Cues};
use crate::keywords::{self, Candidates};
use crate::language::{Election, Language, VOTING_MESSAGES_MAX, Votes, by_trigrams};
use crate::sentiment::{MessageSentiment, SentimentModel};
use crate::summary::{self, Pick};
use crate::tokens::{Gap, Token, TokenKind, Tokens, combine, hash_text};
use crate::topic::{TopicMatcher, TopicScores};
use crate::words::{HashedMap, WordInfo};

/// Topic, keywords and summary read this many messages at the start of a conversation …
const FIRST_MESSAGES: usize = 40;

/// … and this many at its end, so that their cost is bounded.
const LAST_MESSAGES: usize = 24;

/// What was found in the messages of one interaction, kept between calls. It never changes an answer: with an
/// empty memo, everything is merely computed again. About 100 bytes per message, 400 for those that topic,
/// keywords and summary read.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    /// One for each utterance of the last call, in order.
    entries: Vec<MessageEntry>,
    /// The language of the last call.
    language: Option<Language>,
    /// Hash of the language tag under which sentiments were judged.
    sentiment_language: u64,
    /// The trigrams' answer for the text with this hash.
    trigrams: Option<(u64, Option<&'static str>)>,
}

#[derive(Clone, Debug)]
struct MessageEntry {
    /// Hash of role and text.
    content: u64,
    sentiment: Option<Option<MessageSentiment>>,
    signs: Option<Signs>,
    depth: Option<Box<Depth>>,
}

/// What is read from every message of a person or an agent, in any language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signs {
    pub(crate) votes: Votes,
    /// The message's own language, if it is clear.
    pub(crate) language: Option<Language>,
    pub(crate) cues: Cues,
    pub(crate) num_words: u16,
    /// Whether its last sentence is a question.
    pub(crate) asks: bool,
    /// Bloom signature of its telling words.
    pub(crate) signature: u64,
}

/// What is read from the messages at the start and at the end.
#[derive(Clone, Debug)]
pub(crate) struct Depth {
    /// The language whose stop words were used.
    language: Language,
    pub(crate) pick: Pick,
    pub(crate) topics: TopicScores,
    pub(crate) candidates: Candidates,
}

/// A message of the window, with what was read from it.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    pub(crate) role: Role,
    pub(crate) text: &'a str,
    pub(crate) depth: &'a Depth,
}

/// The tables for reading messages.
pub(crate) struct MessageTables {
    pub(crate) words: HashedMap<u64, WordInfo>,
    pub(crate) cues: CueMatcher,
    pub(crate) topics: TopicMatcher,
}

impl Memo {
    /// Reads what is new, and returns the conversation's language.
    pub(crate) fn read(&mut self, conversation: &Conversation<'_>, tables: &MessageTables) -> Option<String> {
        let utterances = conversation.utterances;
        self.align(utterances);
        let window = Window::of(utterances);
        let given = conversation.language.map(str::trim).filter(|tag| !tag.is_empty());
        let mut tokens = Tokens::default();
        let mut election = Election::new();
        // The language is known only after all votes. A message without a language of its own that was read
        // in another is read again below.
        let guess = given.map_or(self.language, |tag| Some(language_of(tag)));
        for (place, (index, utterance)) in spoken(utterances).enumerate() {
            let entry = &mut self.entries[index];
            let deep = window.contains(place);
            if !deep {
                entry.depth = None;
            }
            if !deep && !window.is_recent(place) {
                continue;
            }
            if entry.signs.is_none() || (deep && entry.depth.is_none()) {
                tokens.scan(utterance.text);
            }
            let signs = *entry.signs.get_or_insert_with(|| tables.signs(utterance.text, &tokens));
            if place < VOTING_MESSAGES_MAX {
                election.add(&signs.votes, utterance.role == Role::User);
            }
            if deep && entry.depth.is_none() {
                let language = signs.language.or(guess).unwrap_or(Language::English);
                entry.depth = Some(Box::new(tables.depth(utterance, &tokens, language)));
            }
        }
        let detected = || election.winner().map(Language::tag);
        let language = match given.or_else(detected) {
            Some(tag) => Some(tag.to_owned()),
            None => self.by_trigrams(utterances).map(str::to_owned),
        };
        self.language = language.as_deref().map(language_of);
        self.read_again(utterances, tables, &mut tokens);
        language
    }

    /// The sentiments of the customer's messages, one entry per utterance.
    pub(crate) fn judge(
        &mut self,
        utterances: &[Utterance<'_>],
        language: Option<&str>,
        model: &SentimentModel,
    ) -> Vec<Option<MessageSentiment>> {
        let tag = language.map_or(0, |tag| hash_text(tag, 1));
        let same_language = self.sentiment_language == tag;
        self.sentiment_language = tag;
        let judge = |(entry, utterance): (&mut MessageEntry, &Utterance<'_>)| {
            if utterance.role != Role::User {
                return None;
            }
            match entry.sentiment.filter(|_| same_language) {
                Some(judged) => judged,
                None => *entry.sentiment.insert(model.score(utterance.text, language)),
            }
        };
        self.entries.iter_mut().zip(utterances).map(judge).collect()
    }

    /// The signs of the last `turns_max` things said, with their positions, in transcript order.
    pub(crate) fn recent(&self, utterances: &[Utterance<'_>], turns_max: usize) -> Vec<(usize, Signs)> {
        let spoken = spoken(utterances).rev().take(turns_max);
        let mut recent: Vec<_> =
            spoken.filter_map(|(index, _)| Some((index, self.entries.get(index)?.signs?))).collect();
        recent.reverse();
        recent
    }

    /// The messages that topic, keywords and summary read.
    pub(crate) fn window<'a>(&'a self, utterances: &'a [Utterance<'a>]) -> impl Iterator<Item = Read<'a>> {
        self.entries.iter().zip(utterances).filter_map(|(entry, utterance)| {
            let depth = entry.depth.as_deref()?;
            Some(Read { role: utterance.role, text: utterance.text, depth })
        })
    }

    /// Keeps one entry per utterance, reusing old ones where role and text are the same.
    fn align(&mut self, utterances: &[Utterance<'_>]) {
        let contents = || utterances.iter().map(|said| hash_text(said.text, said.role as u64));
        let same = self
            .entries
            .iter()
            .zip(contents())
            .take_while(|(entry, content)| entry.content == *content)
            .count();
        let mut moved: HashedMap<u64, MessageEntry> =
            self.entries.drain(same..).map(|entry| (entry.content, entry)).collect();
        self.entries.extend(contents().skip(same).map(|content| {
            moved.remove(&content).unwrap_or(MessageEntry {
                content,
                sentiment: None,
                signs: None,
                depth: None,
            })
        }));
    }

    fn read_again(&mut self, utterances: &[Utterance<'_>], tables: &MessageTables, tokens: &mut Tokens) {
        for (entry, utterance) in self.entries.iter_mut().zip(utterances) {
            let own = entry.signs.and_then(|signs| signs.language);
            let language = own.or(self.language).unwrap_or(Language::English);
            if entry.depth.as_ref().is_some_and(|depth| depth.language != language) {
                tokens.scan(utterance.text);
                entry.depth = Some(Box::new(tables.depth(utterance, tokens, language)));
            }
        }
    }

    fn by_trigrams(&mut self, utterances: &[Utterance<'_>]) -> Option<&'static str> {
        let voters = || spoken(utterances).take(VOTING_MESSAGES_MAX);
        let key = voters().fold(1, |key, (index, _)| combine(key, self.entries[index].content));
        if let Some((known, answer)) = self.trigrams
            && known == key
        {
            return answer;
        }
        let answer = by_trigrams(voters().map(|(_, utterance)| utterance.text));
        self.trigrams = Some((key, answer));
        answer
    }
}

/// The messages at the start and at the end, not counting those of systems and tools.
struct Window {
    num_spoken: usize,
}

impl Window {
    fn of(utterances: &[Utterance<'_>]) -> Self {
        Window { num_spoken: spoken(utterances).count() }
    }

    fn contains(&self, place: usize) -> bool {
        place < FIRST_MESSAGES || place + LAST_MESSAGES >= self.num_spoken
    }

    /// Whether satisfaction is judged by it.
    fn is_recent(&self, place: usize) -> bool {
        place + csat::TURNS_MAX >= self.num_spoken
    }
}

/// What people and agents said, with positions in the transcript.
fn spoken<'a, 'u>(
    utterances: &'a [Utterance<'u>],
) -> impl DoubleEndedIterator<Item = (usize, &'a Utterance<'u>)> {
    let is_spoken = |role| matches!(role, Role::User | Role::Assistant | Role::Human);
    utterances.iter().enumerate().filter(move |(_, utterance)| is_spoken(utterance.role))
}

fn language_of(tag: &str) -> Language {
    Language::from_tag(tag).unwrap_or(Language::Other)
}

impl MessageTables {
    fn signs(&self, text: &str, tokens: &Tokens) -> Signs {
        let ideographs = tokens.tokens.iter().filter(|token| token.kind == TokenKind::Ideograph).count();
        // Chinese and Japanese words have about two characters.
        let num_words = tokens.tokens.len() - ideographs + ideographs.div_ceil(2);
        let votes = Votes::count(text, &tokens.tokens, &self.words);
        Signs {
            votes,
            language: votes.leader(),
            cues: self.cues.find(&tokens.tokens),
            num_words: u16::try_from(num_words).unwrap_or(u16::MAX),
            asks: tokens.sentences.last().is_some_and(|sentence| sentence.question),
            signature: self.signature(&tokens.tokens),
        }
    }

    /// Single characters of scripts without spaces occur in many words, pairs of them do not.
    fn signature(&self, tokens: &[Token]) -> u64 {
        let is_telling = |token: &Token| !self.words.get(&token.hash).is_some_and(|info| info.is_common());
        let bit = |hash: u64| 1u64 << (hash & 63);
        let mut signature = 0;
        let mut before: Option<&Token> = None;
        for token in tokens {
            match (token.kind, before) {
                (TokenKind::Ideograph, Some(first))
                    if token.gap == Gap::None && is_telling(first) && is_telling(token) =>
                {
                    signature |= bit(combine(first.hash, token.hash));
                }
                (TokenKind::Ideograph, _) => {}
                _ if is_telling(token) => signature |= bit(token.stem),
                _ => {}
            }
            before = (token.kind == TokenKind::Ideograph).then_some(token);
        }
        signature
    }

    fn depth(&self, utterance: &Utterance<'_>, tokens: &Tokens, language: Language) -> Depth {
        let Utterance { text, role, .. } = *utterance;
        Depth {
            language,
            pick: summary::pick(tokens, role, language, self),
            topics: self.topics.score(&tokens.tokens),
            candidates: keywords::candidates(text, &tokens.tokens, language, &self.words, &self.topics),
        }
    }
}
