//! Key phrases by RAKE (Rose, Engel, Cramer, Cowley 2010): runs of words between stop words, scored by how often their
//! words occur together with others.
//!
//! Existing crates take a whole text and split it with regular expressions, while a growing conversation
//! needs the candidates of one message at a time. Unlike in the paper, candidates have at most three words,
//! repetition counts, and the customer's words count twice.

use crate::language::Language;
use crate::tokens::{Case, Gap, Token, TokenKind, Tokens};
use crate::topic::TopicMatcher;
use crate::words::{HashedMap, WordInfo};

/// Most keywords of one interaction.
pub(crate) const KEYWORDS_MAX: usize = 8;

/// Most words of a phrase; of a longer run, the last ones stay, where English has the noun.
const PHRASE_WORDS_MAX: usize = 3;

/// Most candidates of one message.
const MESSAGE_PHRASES_MAX: usize = 16;

/// The candidates of one message; offsets are bytes of its text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Candidates {
    phrases: Box<[Phrase]>,
    /// Stems of the phrases' words, phrase after phrase.
    words: Box<[u32]>,
}

#[derive(Clone, Copy, Debug)]
struct Phrase {
    hash: u32,
    start: u16,
    end: u16,
    num_words: u8,
    /// Whether it contains a word of the taxonomy.
    topical: bool,
    /// Whether its first capital may be due to the start of a sentence.
    opens_sentence: bool,
}

/// Finds the candidates of one message.
pub(crate) fn candidates(
    text: &str,
    tokens: &[Token],
    language: Language,
    words: &HashedMap<u64, WordInfo>,
    topics: &TopicMatcher,
) -> Candidates {
    let mut found = Collector::default();
    if !words_are_known(language) {
        return Candidates::default();
    }
    let mut run = 0..0;
    for (at, token) in tokens.iter().enumerate() {
        let is_content = is_content(text, token, language, words);
        if run.is_empty() || !is_content || !continues(&tokens[at - 1], token) {
            found.close(text, tokens, run.clone(), language, topics);
            run = at..at;
        }
        if is_content {
            run.end = at + 1;
        }
        if found.phrases.len() >= MESSAGE_PHRASES_MAX {
            break;
        }
    }
    found.close(text, tokens, run, language, topics);
    if is_bare_answer(&found, tokens) {
        return Candidates::default();
    }
    Candidates { phrases: found.phrases.into_boxed_slice(), words: found.words.into_boxed_slice() }
}

/// Whether the message is a single phrase, which answers a question with a name or an address.
fn is_bare_answer(found: &Collector, tokens: &[Token]) -> bool {
    let num_words = tokens.iter().filter(|token| token.kind == TokenKind::Word).count();
    matches!(found.phrases[..], [phrase] if !phrase.topical && usize::from(phrase.num_words) == num_words)
}

/// `my name is …`, `this is …`, `Mr …`: what follows names a person.
fn introduces_person(text: &str, before: &[Token]) -> bool {
    let word = |from_end: usize| before.len().checked_sub(from_end).map_or("", |at| before[at].text(text));
    let is = |from_end, list: &[&str]| list.iter().any(|other| word(from_end).eq_ignore_ascii_case(other));
    is(
        1,
        &[
            "heiße",
            "heisse",
            "m'appelle",
            "appelle",
            "llamo",
            "chiamo",
            "mr",
            "mrs",
            "ms",
            "miss",
            "herr",
            "frau",
        ],
    ) || (is(1, &["is", "s"]) && is(2, &["name", "this"]))
        || (is(1, &["name"]) && is(2, &["my"]))
        || (is(1, &["ist"]) && is(2, &["name"]))
}

/// `30 Memorial Drive`: an address, or an amount of what was named before.
fn follows_number(before: &[Token], first: &Token) -> bool {
    first.gap == Gap::Space && before.last().is_some_and(|token| token.kind == TokenKind::Number)
}

/// `your virtual agent`: how a bot introduces itself in every conversation.
fn introduces_bot(text: &str, phrase: &[Token]) -> bool {
    let is =
        |token: &Token, list: &[&str]| list.iter().any(|word| token.text(text).eq_ignore_ascii_case(word));
    let [.., kind, noun] = phrase else { return false };
    is(
        kind,
        &["virtual", "digital", "automated", "virtuelle", "virtueller", "digitale", "digitaler", "virtuel"],
    ) && is(noun, &["agent", "assistant", "assistent", "assistentin"])
        || is(kind, &["agente", "asistente", "assistente"])
            && is(noun, &["virtual", "virtuale", "digital", "digitale"])
}

/// Whether phrases would be more than fragments. Korean and Thai words are not segmented at all; for
/// languages from Romanised Hindi to Urdu in the table the stop word lists are too short, except for Russian
/// and its relatives.
fn words_are_known(language: Language) -> bool {
    use Language::*;
    matches!(language, Russian | Ukrainian | Bulgarian | Serbian | Chinese | Japanese)
        || language <= Vietnamese
}

/// Whether `token` may extend the phrase that ends in `last`.
fn continues(last: &Token, token: &Token) -> bool {
    if last.kind != token.kind {
        return false;
    }
    match token.kind {
        TokenKind::Ideograph => token.gap == Gap::None,
        TokenKind::Word | TokenKind::Number => matches!(token.gap, Gap::None | Gap::Space),
    }
}

/// Chinese characters that form sentences rather than subjects.
const CHINESE_FUNCTION: &str = "的了是我你您他她它们这那哪在有没不吗呢吧啊呀哦嗯也都就还要会能可以想请问谢好什么怎样多少几个一下给帮和与或到从对为把被让很太最再又跟去来说看找吃玩住之其该此吧呗嘛且并但而如果因所已经得着过辆刚才后前时候知需推荐附近";

/// Chinese words of two characters that occur in every conversation.
const CHINESE_FILLER: [&str; 21] = [
    "提供", "推荐", "周边", "附近", "需要", "地址", "评分", "电话", "时候", "可以", "预订", "麻烦", "信息",
    "这里", "安排", "意思", "打算", "选择", "营业", "价格", "门店",
];

fn in_chinese_filler(text: &str, token: &Token) -> bool {
    let (before, after) = (text.get(..token.end as usize), text.get(token.start as usize..));
    CHINESE_FILLER.iter().any(|word| {
        before.is_some_and(|text| text.ends_with(word)) || after.is_some_and(|text| text.starts_with(word))
    })
}

fn is_content(text: &str, token: &Token, language: Language, words: &HashedMap<u64, WordInfo>) -> bool {
    match token.kind {
        TokenKind::Number => false,
        TokenKind::Word => {
            token.len() > 2 && !words.get(&token.hash).is_some_and(|info| info.is_filler(language))
        }
        TokenKind::Ideograph => {
            let c = token.text(text).chars().next().unwrap_or(' ');
            match language {
                Language::Chinese => {
                    is_han(c) && !CHINESE_FUNCTION.contains(c) && !in_chinese_filler(text, token)
                }
                Language::Japanese => is_han(c) || is_katakana(token.text(text)),
                _ => false,
            }
        }
    }
}

fn is_han(c: char) -> bool {
    matches!(c as u32, 0x3005..=0x3007 | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

fn is_katakana(text: &str) -> bool {
    text.chars().all(|c| matches!(c as u32, 0x30A1..=0x30FA | 0x30FC..=0x30FE | 0xFF66..=0xFF9F))
}

#[derive(Default)]
struct Collector {
    phrases: Vec<Phrase>,
    words: Vec<u32>,
}

impl Collector {
    /// Turns a run of tokens into a phrase.
    fn close(
        &mut self,
        text: &str,
        tokens: &[Token],
        run: std::ops::Range<usize>,
        language: Language,
        topics: &TopicMatcher,
    ) {
        let (before, run) = (&tokens[..run.start], &tokens[run]);
        let ideographs = run.first().is_some_and(|token| token.kind == TokenKind::Ideograph);
        let kept = match run.len() {
            len if ideographs && !(2..=6).contains(&len) => 0,
            len if ideographs => len,
            len => len.min(PHRASE_WORDS_MAX),
        };
        let phrase = &run[run.len() - kept..];
        if let (Some(first), Some(last)) = (phrase.first(), phrase.last()) {
            let topical = phrase.iter().any(|token| token.kind == TokenKind::Word && topics.knows(token));
            let is_nameable = topical || !(introduces_person(text, before) || follows_number(before, first));
            if !introduces_bot(text, phrase) && is_nameable {
                self.push(phrase, first, last, language, topical);
            }
        }
    }

    fn push(&mut self, phrase: &[Token], first: &Token, last: &Token, language: Language, topical: bool) {
        let (Ok(start), Ok(end)) = (u16::try_from(first.start), u16::try_from(last.end)) else { return };
        let hash = phrase.iter().fold(0, |hash, token| crate::tokens::combine(hash, token.stem));
        self.phrases.push(Phrase {
            hash: short(hash),
            start,
            end,
            num_words: phrase.len() as u8,
            topical,
            opens_sentence: first.gap == Gap::Sentence && language != Language::German,
        });
        self.words.extend(phrase.iter().map(|token| short(token.stem)));
    }
}

fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A phrase while it is being scored.
#[derive(Clone, Copy)]
struct Ranked {
    /// Mentions: 2 for each by the customer, 1 for each by others.
    mentions: u32,
    score: f32,
    /// The message, and the phrase in it whose spelling is shown.
    shown: (usize, Phrase),
    first: usize,
}

/// A key phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keyword {
    pub(crate) text: String,
    /// Mentions: 2 for each by the customer, 1 for each by others.
    pub(crate) mentions: u32,
    pub(crate) num_words: u8,
}

/// The key phrases of a conversation, best first. `messages`: text, candidates, and whether the customer wrote it.
pub(crate) fn rank<'a>(messages: &[(&'a str, &'a Candidates, bool)]) -> Vec<Keyword> {
    let num_words = messages.iter().map(|(_, candidates, _)| candidates.words.len()).sum();
    let num_phrases = messages.iter().map(|(_, candidates, _)| candidates.phrases.len()).sum();
    let mut word_stats: HashedMap<u32, (u32, u32)> =
        HashedMap::with_capacity_and_hasher(num_words, Default::default());
    let mut places: HashedMap<u32, usize> =
        HashedMap::with_capacity_and_hasher(num_phrases, Default::default());
    let mut ranked: Vec<Ranked> = Vec::with_capacity(num_phrases);
    for (index, (_, candidates, by_customer)) in messages.iter().enumerate() {
        let weight = 1 + u32::from(*by_customer);
        let mut words = candidates.words.iter();
        for phrase in &candidates.phrases {
            for word in words.by_ref().take(usize::from(phrase.num_words)) {
                let (frequency, degree) = word_stats.entry(*word).or_default();
                *frequency += weight;
                *degree += weight * u32::from(phrase.num_words);
            }
            let place = *places.entry(phrase.hash).or_insert_with(|| {
                ranked.push(Ranked { mentions: 0, score: 0.0, shown: (index, *phrase), first: 0 });
                ranked.len() - 1
            });
            let entry = &mut ranked[place];
            entry.first = place;
            entry.mentions += weight;
            if entry.shown.1.opens_sentence && !phrase.opens_sentence {
                entry.shown = (index, *phrase);
            }
        }
    }
    score(messages, &word_stats, &places, &mut ranked);
    select(messages, ranked)
}

fn score(
    messages: &[(&str, &Candidates, bool)],
    word_stats: &HashedMap<u32, (u32, u32)>,
    places: &HashedMap<u32, usize>,
    ranked: &mut [Ranked],
) {
    for (_, candidates, _) in messages {
        let mut words = candidates.words.iter();
        for phrase in &candidates.phrases {
            let rake: f32 = words
                .by_ref()
                .take(usize::from(phrase.num_words))
                .filter_map(|word| word_stats.get(word))
                .map(|(frequency, degree)| *degree as f32 / *frequency as f32)
                .sum();
            let Some(entry) = places.get(&phrase.hash).and_then(|place| ranked.get_mut(*place)) else {
                continue;
            };
            let topical = if phrase.topical { TOPICAL_FACTOR } else { 1.0 };
            entry.score = if is_worth_telling(phrase, entry.mentions) {
                rake.sqrt() * (entry.mentions as f32).sqrt() * topical
            } else {
                0.0
            };
        }
    }
}

/// Favours phrases with words of the taxonomy, which make better keywords than others.
const TOPICAL_FACTOR: f32 = 1.5;

/// A word of the taxonomy needs only one mention; others may be names or typing errors.
fn is_worth_telling(phrase: &Phrase, mentions: u32) -> bool {
    match (phrase.num_words, phrase.topical) {
        (1, true) => mentions >= 2,
        (1, false) => mentions >= 3,
        (_, true) => true,
        (_, false) => mentions >= 2,
    }
}

/// The best phrases as text, without those that contain a better one or are contained in it.
fn select(messages: &[(&str, &Candidates, bool)], mut ranked: Vec<Ranked>) -> Vec<Keyword> {
    ranked.retain(|entry| entry.score > 0.0);
    ranked.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.first.cmp(&b.first)));
    let mut keywords: Vec<Keyword> = Vec::with_capacity(KEYWORDS_MAX.min(ranked.len()));
    let mut tokens = Tokens::default();
    for Ranked { shown: (message, phrase), mentions, .. } in ranked {
        let Some((text, _, _)) = messages.get(message) else { continue };
        let Some(slice) = text.get(usize::from(phrase.start)..usize::from(phrase.end)) else { continue };
        let text = display_form(slice, phrase.opens_sentence, &mut tokens);
        if !keywords.iter().any(|other| overlaps(&other.text, &text)) {
            keywords.push(Keyword { text, mentions, num_words: phrase.num_words });
            if keywords.len() == KEYWORDS_MAX {
                break;
            }
        }
    }
    keywords
}

/// Whether one contains the other, case ignored.
fn overlaps(one: &str, other: &str) -> bool {
    let (long, short) = if one.len() < other.len() { (other, one) } else { (one, other) };
    if long.is_ascii() && short.is_ascii() {
        return long
            .as_bytes()
            .windows(short.len().max(1))
            .any(|part| part.eq_ignore_ascii_case(short.as_bytes()));
    }
    long.to_lowercase().contains(&short.to_lowercase())
}

/// Lower case, except for names: words whose capital is not explained by the start of a sentence.
fn display_form(slice: &str, opens_sentence: bool, tokens: &mut Tokens) -> String {
    tokens.scan(slice);
    let opens_sentence =
        opens_sentence && !tokens.tokens.iter().skip(1).any(|token| token.case == Case::Title);
    let mut shown = String::with_capacity(slice.len());
    let mut end = 0;
    for (n, token) in tokens.tokens.iter().enumerate() {
        let gap = slice.get(end..token.start as usize).unwrap_or_default();
        shown.push_str(gap);
        let word = token.text(slice);
        let is_name = match token.case {
            Case::Lower => true,
            Case::Title => !(n == 0 && opens_sentence),
            Case::Upper => word.len() <= 5,
        };
        if is_name {
            shown.push_str(word)
        } else {
            shown.push_str(&word.to_lowercase())
        }
        end = token.end as usize;
    }
    shown
}
