//! Language detection for chat-length text.
//!
//! Each message votes with its common words ([`crate::words`]) and with letters that belong to one language.
//! An interaction adds up the votes of its messages: first the customer's, then everybody's. If the votes are
//! undecided and there is enough text, whatlang's trigrams decide. No answer is better than a guess: "ok thanks"
//! alone has no language.

use crate::tokens::{Token, TokenKind};
use crate::words::{HashedMap, WordInfo};

/// Messages of a conversation that vote, from its start: a language rarely shows only later.
pub(crate) const VOTING_MESSAGES_MAX: usize = 24;

/// Most bytes of text given to whatlang: more takes longer and hardly changes the answer.
const TRIGRAM_BYTES_MAX: usize = 400;

/// With fewer letters than this, trigrams are unreliable.
const TRIGRAM_LETTERS_MIN: usize = 48;

macro_rules! languages {
    ($($name:ident $tag:literal),+ $(,)?) => {
        /// The languages recognised by words or script. whatlang knows others, which appear by their tag only.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub(crate) enum Language { $($name),+ }

        impl Language {
            const ALL: &'static [Language] = &[$(Language::$name),+];

            /// The BCP 47 tag.
            pub(crate) const fn tag(self) -> &'static str {
                match self { $(Language::$name => $tag),+ }
            }
        }
    };
}

languages! {
    English "en", German "de", French "fr", Spanish "es", Italian "it", Portuguese "pt", Dutch "nl", Swedish "sv",
    Danish "da", Norwegian "nb", Finnish "fi", Polish "pl", Czech "cs", Hungarian "hu", Romanian "ro", Turkish "tr",
    Indonesian "id", Vietnamese "vi", HindiLatin "hi-Latn", Russian "ru", Ukrainian "uk", Bulgarian "bg", Serbian "sr",
    Hindi "hi", Marathi "mr", Nepali "ne", Arabic "ar", Persian "fa", Urdu "ur", Chinese "zh", Japanese "ja",
    Korean "ko", Thai "th", Greek "el", Hebrew "he", Bengali "bn", Punjabi "pa", Gujarati "gu", Tamil "ta",
    Telugu "te", Kannada "kn", Malayalam "ml", Sinhala "si", Lao "lo", Burmese "my", Khmer "km", Georgian "ka",
    Armenian "hy", Amharic "am", Kazakh "kk", Belarusian "be", Macedonian "mk", Azerbaijani "az", Estonian "et",
    Latvian "lv", Lithuanian "lt", Slovak "sk", Slovenian "sl", Croatian "hr", Catalan "ca", Other "und",
}

impl Language {
    /// The language of a BCP 47 tag, by its primary subtag (`de-AT` is German).
    pub(crate) fn from_tag(tag: &str) -> Option<Language> {
        if tag.len() >= 7 && tag.is_char_boundary(7) && tag[..7].eq_ignore_ascii_case("hi-latn") {
            return Some(Language::HindiLatin);
        }
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let primary = if primary.eq_ignore_ascii_case("no") || primary.eq_ignore_ascii_case("nn") {
            "nb"
        } else {
            primary
        };
        Language::ALL.iter().copied().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}

/// The strongest votes of one message: at most [`Votes::KEPT`] languages, so that a message's votes stay small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Votes {
    /// Language index and votes; zero votes mark an empty slot.
    kept: [(u8, u8); Votes::KEPT],
}

impl Votes {
    const KEPT: usize = 6;

    /// Counts the votes of one message.
    pub(crate) fn count(text: &str, tokens: &[Token], words: &HashedMap<u64, WordInfo>) -> Votes {
        let mut votes = [0u32; Language::ALL.len()];
        for token in tokens {
            match token.kind {
                TokenKind::Number => continue,
                TokenKind::Word => {
                    if let Some(info) = words.get(&token.hash) {
                        vote_for_word(info.languages, &mut votes);
                    }
                    let word = token.text(text);
                    if !word.is_ascii() {
                        vote_for_letters(word, &mut votes);
                    }
                }
                TokenKind::Ideograph => vote_for_letters(token.text(text), &mut votes),
            }
        }
        merge_scripts(&mut votes);
        let mut votes = Votes::strongest(&votes);
        votes.rule_out(text, tokens);
        votes
    }

    /// Removes the votes of languages that lack this message's letters.
    fn rule_out(&mut self, text: &str, tokens: &[Token]) {
        let words =
            || tokens.iter().filter(|token| token.kind == TokenKind::Word).map(|token| token.text(text));
        let num_words = words().count();
        for (language, count) in self.kept.iter_mut().filter(|(_, count)| *count > 0) {
            let Some(language) = Language::ALL.get(usize::from(*language)) else { continue };
            if num_foreign(*language, words()) * LOAN_WORDS_SHARE > num_words {
                *count = 0;
            }
        }
    }

    /// The language of this message alone, if it is clear; an agent may write in another language than the
    /// customer.
    pub(crate) fn leader(&self) -> Option<Language> {
        let mut ballot = [0; Language::ALL.len()];
        for (language, count) in self.kept {
            ballot[usize::from(language)] += u32::from(count);
        }
        clear_winner(ballot)
    }

    fn strongest(votes: &[u32; Language::ALL.len()]) -> Votes {
        let mut kept = [(0, 0); Votes::KEPT];
        let mut ranked: [(u32, u8); Votes::KEPT] = [(0, 0); Votes::KEPT];
        for (index, &count) in (0u8..).zip(votes) {
            // Insertion into a short sorted list; equal counts keep the earlier language first.
            if count > ranked[Votes::KEPT - 1].0 {
                let place = ranked.iter().position(|(other, _)| count > *other).unwrap_or(Votes::KEPT - 1);
                ranked[place..].rotate_right(1);
                ranked[place] = (count, index);
            }
        }
        for (slot, (count, index)) in kept.iter_mut().zip(ranked) {
            *slot = (index, u8::try_from(count).unwrap_or(u8::MAX));
        }
        Votes { kept }
    }
}

/// Votes of one word, shared by its languages.
const WORD_VOTES: u32 = 12;

fn vote_for_word(languages: u64, votes: &mut [u32]) {
    let share = (WORD_VOTES / languages.count_ones().max(1)).max(1);
    let mut rest = languages;
    while rest != 0 {
        if let Some(votes) = votes.get_mut(rest.trailing_zeros() as usize) {
            *votes += share;
        }
        rest &= rest - 1;
    }
}

/// Votes for letters that belong to one language or a few.
fn vote_for_letters(word: &str, votes: &mut [u32]) {
    use Language::*;
    for c in word.chars().filter(|c| !c.is_ascii()) {
        let (languages, weight): (&[Language], u32) = match c {
            'ß' | 'ẞ' => (&[German], 10),
            'ñ' | 'Ñ' => (&[Spanish], 8),
            'ã' | 'Ã' => (&[Portuguese], 8),
            'õ' | 'Õ' => (&[Portuguese, Estonian], 8),
            'œ' | 'ê' | 'ù' | 'û' => (&[French], 6),
            'ì' | 'ò' => (&[Italian], 6),
            'å' | 'Å' => (&[Swedish, Danish, Norwegian], 5),
            'ø' | 'æ' | 'Ø' | 'Æ' => (&[Danish, Norwegian], 6),
            'ł' | 'ą' | 'ę' | 'ż' | 'ź' | 'ń' | 'ś' | 'Ł' | 'Ż' | 'Ś' => (&[Polish], 8),
            'ř' | 'ě' | 'ů' | 'Ř' => (&[Czech], 8),
            'ő' | 'ű' => (&[Hungarian], 8),
            'ğ' | 'ı' | 'İ' => (&[Turkish], 8),
            'ș' | 'ț' | 'ă' => (&[Romanian], 6),
            'ơ' | 'ư' | '\u{1EA0}'..='\u{1EF9}' => (&[Vietnamese], 8),
            'đ' | 'Đ' => (&[Vietnamese, Croatian], 3),
            'ć' | 'Ć' => (&[Croatian, Polish], 3),
            'ə' | 'Ə' => (&[Azerbaijani], 8),
            'ė' | 'į' | 'ų' | 'Ė' | 'Į' | 'Ų' => (&[Lithuanian], 8),
            'ā' | 'ē' | 'ī' | 'ņ' | 'ļ' | 'ķ' | 'ģ' | 'Ā' | 'Ē' | 'Ī' | 'Ņ' | 'Ļ' | 'Ķ' | 'Ģ' => {
                (&[Latvian], 8)
            }
            'ľ' | 'ĺ' | 'ŕ' | 'Ľ' => (&[Slovak], 8),
            'ә' | 'ғ' | 'қ' | 'ң' | 'ө' | 'ұ' | 'ү' | 'һ' | 'Ә' | 'Қ' | 'Ө' | 'Ұ' => {
                (&[Kazakh], 8)
            }
            'ў' | 'Ў' => (&[Belarusian], 10),
            'ѓ' | 'ќ' | 'ѕ' | 'ѐ' | 'ѝ' | 'Ѓ' | 'Ќ' => (&[Macedonian], 10),
            'э' | 'ё' | 'Э' => (&[Russian, Belarusian], 6),
            'ы' => (&[Russian, Belarusian, Kazakh], 6),
            'і' | 'І' => (&[Ukrainian, Belarusian, Kazakh], 6),
            'ї' | 'є' | 'ґ' | 'Ї' | 'Є' => (&[Ukrainian], 6),
            'ђ' | 'ћ' | 'Ђ' => (&[Serbian], 10),
            'ј' | 'љ' | 'њ' | 'џ' => (&[Serbian, Macedonian], 6),
            'پ' | 'چ' | 'ژ' | 'گ' => (&[Persian], 3),
            'ٹ' | 'ڈ' | 'ڑ' | 'ے' | 'ں' | 'ہ' | 'ھ' => (&[Urdu], 5),
            '\u{0621}'..='\u{064A}' => (&[Arabic], 1),
            '\u{0905}'..='\u{0939}' => (&[Hindi], 1),
            '\u{0980}'..='\u{09FF}' => (&[Bengali], 4),
            '\u{0A00}'..='\u{0A7F}' => (&[Punjabi], 4),
            '\u{0A80}'..='\u{0AFF}' => (&[Gujarati], 4),
            '\u{0B80}'..='\u{0BFF}' => (&[Tamil], 4),
            '\u{0C00}'..='\u{0C7F}' => (&[Telugu], 4),
            '\u{0C80}'..='\u{0CFF}' => (&[Kannada], 4),
            '\u{0D00}'..='\u{0D7F}' => (&[Malayalam], 4),
            '\u{0D80}'..='\u{0DFF}' => (&[Sinhala], 4),
            '\u{0E00}'..='\u{0E7F}' => (&[Thai], 4),
            '\u{0E80}'..='\u{0EFF}' => (&[Lao], 4),
            '\u{1000}'..='\u{109F}' => (&[Burmese], 4),
            '\u{1780}'..='\u{17FF}' => (&[Khmer], 4),
            '\u{10A0}'..='\u{10FF}' => (&[Georgian], 4),
            '\u{0530}'..='\u{058F}' => (&[Armenian], 4),
            '\u{1200}'..='\u{137F}' => (&[Amharic], 4),
            '\u{0370}'..='\u{03FF}' => (&[Greek], 4),
            '\u{05D0}'..='\u{05EA}' => (&[Hebrew], 4),
            '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' => (&[Korean], 8),
            '\u{3041}'..='\u{30FF}' | '\u{FF66}'..='\u{FF9F}' => (&[Japanese], 8),
            // Only Chinese uses these characters this often; others may be Japanese names and nouns.
            '的' | '是' | '我' | '你' | '您' | '们' | '吗' | '呢' | '这' | '么' | '在' | '请' | '没'
            | '给' | '谢' | '吧' => (&[Chinese], 12),
            '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' => (&[Chinese], 5),
            _ => continue,
        };
        for language in languages {
            votes[*language as usize] += weight;
        }
    }
}

/// Votes needed for an answer: two words that belong to one language alone, or more that are shared.
const VOTES_MIN: u32 = 20;

/// Adds up the votes of messages. The customer's decide; the agents' count only if those are undecided.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    customer: Ballot,
    all: Ballot,
}

type Ballot = [u32; Language::ALL.len()];

impl Election {
    pub(crate) fn new() -> Self {
        Election { customer: [0; Language::ALL.len()], all: [0; Language::ALL.len()] }
    }

    /// Adds one message.
    pub(crate) fn add(&mut self, votes: &Votes, by_customer: bool) {
        for (language, count) in votes.kept {
            self.all[usize::from(language)] += u32::from(count);
            if by_customer {
                self.customer[usize::from(language)] += u32::from(count);
            }
        }
    }

    /// The language that clearly has the most votes.
    pub(crate) fn winner(&self) -> Option<Language> {
        clear_winner(self.customer).or_else(|| clear_winner(self.all))
    }
}

fn clear_winner(mut votes: Ballot) -> Option<Language> {
    merge_scripts(&mut votes);
    let mut best = (0, None);
    let mut second = 0;
    for (language, &count) in Language::ALL.iter().zip(&votes) {
        if count > best.0 {
            second = best.0;
            best = (count, Some(*language));
        } else if count > second {
            second = count;
        }
    }
    // A close second means that both languages share the words seen.
    best.1.filter(|_| best.0 >= VOTES_MIN && best.0 * 4 >= second * 5)
}

/// Scripts shared by several languages: the more specific language takes over the votes of the general one.
fn merge_scripts(votes: &mut [u32]) {
    use Language::*;
    let mut take_over = |special: Language, general: Language, times: u32| {
        if votes[special as usize] * times > votes[general as usize] {
            votes[special as usize] += std::mem::take(&mut votes[general as usize]);
        }
    };
    take_over(Japanese, Chinese, 6);
    take_over(Korean, Chinese, 2);
    // One letter in ten that Arabic lacks is enough.
    take_over(Urdu, Arabic, 4);
    take_over(Persian, Arabic, 4);
    take_over(Marathi, Hindi, 2);
    take_over(Nepali, Hindi, 2);
}

/// One word in this many may be foreign, such as a product name or a quotation. With more, the message is taken
/// not to be in a language that lacks its letters.
const LOAN_WORDS_SHARE: usize = 8;

/// Counts words with a letter that the language does not use. Capitalised ones are taken for names.
fn num_foreign<'w>(language: Language, words: impl Iterator<Item = &'w str>) -> usize {
    let is_foreign = |word: &&str| {
        !word.is_ascii()
            && !word.starts_with(char::is_uppercase)
            && (word.chars().any(|c| c.is_alphabetic() && !c.is_ascii() && !has_letter(language, c))
                || (language == Language::Portuguese && has_tilde_apart(word)))
    };
    words.filter(is_foreign).count()
}

/// Portuguese has `õ` only in `õe`; Estonian has it everywhere.
fn has_tilde_apart(word: &str) -> bool {
    word.split('õ').skip(1).any(|rest| !rest.starts_with('e'))
}

/// Whether a language uses this lower-case non-ASCII letter, common loan words included. Languages with their
/// own script are taken to have every letter.
fn has_letter(language: Language, c: char) -> bool {
    use Language::*;
    let is_cyrillic = matches!(c, 'а'..='я');
    match language {
        English | Indonesian | HindiLatin => matches!(c, 'é' | 'è' | 'ï' | 'ç' | 'ñ' | 'ü' | 'ö' | 'ê'),
        German => matches!(c, 'ä' | 'ö' | 'ü' | 'ß' | 'é' | 'è' | 'à' | 'ê' | 'ç'),
        French => "àâæçéèêëîïôœùûüÿ".contains(c),
        Spanish => "áéíóúüñªº".contains(c),
        Italian => "àèéìíîòóùú".contains(c),
        Portuguese => "áàâãçéêíóôõúüªº".contains(c),
        Catalan => "àçéèíïóòúü·".contains(c),
        Dutch => "áéíóúèëïöüêçà".contains(c),
        Swedish => "åäöéüà".contains(c),
        Danish | Norwegian => "æøåéèêòóôâü".contains(c),
        Finnish => "äöåšžé".contains(c),
        Estonian => "äöõüšžé".contains(c),
        Latvian => "āčēģīķļņšūžŗō".contains(c),
        Lithuanian => "ąčęėįšųūž".contains(c),
        Polish => "ąćęłńóśźż".contains(c),
        Czech => "áčďéěíňóřšťúůýž".contains(c),
        Slovak => "áäčďéíĺľňóôŕšťúýž".contains(c),
        Slovenian => "čšžćđ".contains(c),
        Croatian => "čćđšž".contains(c),
        Hungarian => "áéíóöőúüű".contains(c),
        Romanian => "ăâîșțşţ".contains(c),
        Turkish => "çğıöşüâîûi\u{307}".contains(c),
        Azerbaijani => "əçğıöşüi\u{307}".contains(c),
        Vietnamese => "àáâãèéêìíòóôõùúýăđĩũơư".contains(c) || matches!(c, '\u{1EA0}'..='\u{1EF9}'),
        Russian => is_cyrillic || c == 'ё',
        Ukrainian => (is_cyrillic && !"ыэъ".contains(c)) || "іїєґ".contains(c),
        Belarusian => (is_cyrillic && !"ищъ".contains(c)) || "іўё".contains(c),
        Bulgarian => is_cyrillic && !"ыэ".contains(c) || c == 'ѝ',
        Serbian => (is_cyrillic && !"йщъыьэюя".contains(c)) || "јљњђћџ".contains(c),
        Macedonian => (is_cyrillic && !"йщъыьэюя".contains(c)) || "јљњџѓќѕѐѝ".contains(c),
        Kazakh => is_cyrillic || "әғқңөұүһіё".contains(c),
        Arabic => !"پچژگکیٹڈڑےںہھټډړږښڅځېۍۆێڵڕەۋۇۈ".contains(c),
        Persian => !"ٹڈڑےںہھټډړږښڅځېۍۆێڵڕەۋۇۈكي".contains(c),
        Urdu => !"ټډړږښڅځېۍۆێڵڕەۋۇۈكي".contains(c),
        Hindi | Nepali => c != 'ळ',
        Bengali => !"ৰৱ".contains(c),
        Chinese => !matches!(c, '\u{3041}'..='\u{30FF}' | '\u{AC00}'..='\u{D7AF}'),
        _ => true,
    }
}

/// whatlang's answer for the start of a conversation, if that is long enough and whatlang calls its answer
/// reliable.
pub(crate) fn by_trigrams<'t>(texts: impl Iterator<Item = &'t str>) -> Option<&'static str> {
    let mut sample = String::with_capacity(TRIGRAM_BYTES_MAX);
    for text in texts {
        let room = TRIGRAM_BYTES_MAX.saturating_sub(sample.len());
        if room == 0 {
            break;
        }
        sample.push_str(crate::tokens::prefix(text, room));
        sample.push(' ');
    }
    if sample.chars().filter(|c| c.is_alphabetic()).count() < TRIGRAM_LETTERS_MIN {
        return None;
    }
    let info = whatlang::detect(&sample).filter(whatlang::Info::is_reliable)?;
    let tag = tag_of(info.lang());
    let words = || sample.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let num_foreign = match Language::from_tag(tag) {
        Some(language) => num_foreign(language, words()),
        None => words().filter(|word| !is_latin_extra(tag, word)).count(),
    };
    (num_foreign * LOAN_WORDS_SHARE <= words().count()).then_some(tag)
}

/// The same for languages that only whatlang knows. All of them use Latin letters except Yiddish and Oriya.
fn is_latin_extra(tag: &str, word: &str) -> bool {
    let letters = match tag {
        "eo" => "ĉĝĥĵŝŭ",
        "af" => "êëïôûéèáíóú",
        "cy" => "âêîôûŵŷáäëïö",
        "uz" => "ʻʼ‘’",
        "tk" => "çäžňöşüý",
        "la" => "āēīōūæœ",
        "tl" => "ñ",
        "ak" => "ɛɔ",
        "jv" => "éèå",
        "zu" | "sn" => "",
        _ => return true,
    };
    word.starts_with(char::is_uppercase) || word.chars().all(|c| c.is_ascii() || letters.contains(c))
}

/// The BCP 47 tag of whatlang's ISO 639-3 code: the two-letter code if there is one.
fn tag_of(lang: whatlang::Lang) -> &'static str {
    use whatlang::Lang::*;
    match lang {
        Epo => "eo",
        Eng => "en",
        Rus => "ru",
        Cmn => "zh",
        Spa => "es",
        Por => "pt",
        Ita => "it",
        Ben => "bn",
        Fra => "fr",
        Deu => "de",
        Ukr => "uk",
        Kat => "ka",
        Ara => "ar",
        Hin => "hi",
        Jpn => "ja",
        Heb => "he",
        Yid => "yi",
        Pol => "pl",
        Amh => "am",
        Jav => "jv",
        Kor => "ko",
        Nob => "nb",
        Dan => "da",
        Swe => "sv",
        Fin => "fi",
        Tur => "tr",
        Nld => "nl",
        Hun => "hu",
        Ces => "cs",
        Ell => "el",
        Bul => "bg",
        Bel => "be",
        Mar => "mr",
        Kan => "kn",
        Ron => "ro",
        Slv => "sl",
        Hrv => "hr",
        Srp => "sr",
        Mkd => "mk",
        Lit => "lt",
        Lav => "lv",
        Est => "et",
        Tam => "ta",
        Vie => "vi",
        Urd => "ur",
        Tha => "th",
        Guj => "gu",
        Uzb => "uz",
        Pan => "pa",
        Aze => "az",
        Ind => "id",
        Tel => "te",
        Pes => "fa",
        Mal => "ml",
        Ori => "or",
        Mya => "my",
        Nep => "ne",
        Sin => "si",
        Khm => "km",
        Tuk => "tk",
        Aka => "ak",
        Zul => "zu",
        Sna => "sn",
        Afr => "af",
        Lat => "la",
        Slk => "sk",
        Cat => "ca",
        Tgl => "tl",
        Hye => "hy",
        Cym => "cy",
    }
}
