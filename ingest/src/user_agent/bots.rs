//! Programs that read pages without a person. No list is complete, but most identify themselves by a word or by the
//! address of an explanation, so these rules also catch new ones.

use super::products::{Row, find};

/// Bots that no rule below recognises, or whose name it would miss.
const NAMED: &[Row] = &[
    ("chatgpt-user", "ChatGPT-User"),
    ("claude-user", "Claude-User"),
    ("claude-web", "Claude-Web"),
    ("anthropic-ai", "anthropic-ai"),
    ("cohere-ai", "cohere-ai"),
    ("perplexity-user", "Perplexity-User"),
    ("meta-externalagent", "meta-externalagent"),
    ("meta-externalfetcher", "meta-externalfetcher"),
    ("facebookexternalhit", "facebookexternalhit"),
    ("google-inspectiontool", "Google-InspectionTool"),
    ("google-read-aloud", "Google-Read-Aloud"),
    ("googleother", "GoogleOther"),
    ("mediapartners-google", "Mediapartners-Google"),
    ("feedfetcher-google", "FeedFetcher-Google"),
    ("apis-google", "APIs-Google"),
    ("bingpreview", "BingPreview"),
    ("yahoo! slurp", "Yahoo! Slurp"),
    ("ia_archiver", "ia_archiver"),
    ("chrome-lighthouse", "Lighthouse"),
    ("headlesschrome", "HeadlessChrome"),
    ("phantomjs", "PhantomJS"),
    ("ruxitsynthetic", "Ruxit Synthetic"),
    ("datadogsynthetics", "DatadogSynthetics"),
    ("uptimerobot", "UptimeRobot"),
    ("ptst/", "WebPageTest"),
    ("pingdomtms/", "PingdomTMS"),
    ("catchpoint", "Catchpoint"),
    ("skypeuripreview", "SkypeUriPreview"),
    ("slack-imgproxy", "Slack-ImgProxy"),
    ("heritrix", "heritrix"),
    ("scrapy", "Scrapy"),
    ("nutch", "Nutch"),
];

/// Endings of words that name a bot: Googlebot, Bytespider.
const ENDINGS: [&str; 6] = ["bot", "bots", "crawler", "spider", "scraper", "slurp"];

/// Words that say "bot" without naming one.
const BARE: [&str; 10] =
    ["bot", "bots", "robot", "robots", "webbot", "crawler", "webcrawler", "spider", "scraper", "slurp"];

/// Makers of vacuum cleaners, people and fish whose names end like a bot's.
const NOT_BOTS: [&str; 4] = ["irobot", "abbot", "talbot", "turbot"];

/// Products in so many User-Agents that they identify none.
const COMMON: [&str; 17] = [
    "docomo",
    "mozilla",
    "applewebkit",
    "khtml",
    "gecko",
    "chrome",
    "safari",
    "version",
    "mobile",
    "firefox",
    "opera",
    "presto",
    "trident",
    "msie",
    "compatible",
    "linux",
    "windows",
];

const NAME_BYTES_MAX: usize = 64;

/// True if a lower-case User-Agent calls itself a bot. In an app or on an Android device, a name's ending means
/// nothing.
pub(super) fn is_bot(lower: &str, is_app: bool) -> bool {
    find(NAMED, lower).is_some()
        || lower.contains("+http://")
        || lower.contains("+https://")
        || (!is_app && without_devices(lower).any(names_a_bot))
}

/// The parts of a User-Agent without the names of Android devices, which follow the system in its parentheses: `(Linux;
/// Android 13; TAB_BOT 10 Build/TP1A)`. Parentheses with the address of an explanation are a bot's own.
fn without_devices(user_agent: &str) -> impl Iterator<Item = &str> {
    user_agent.split(['(', ')']).flat_map(|bracket| {
        let (is_of_bot, mut is_behind_system) = (bracket.contains("+http"), false);
        bracket.split(';').filter(move |part| {
            let is_device = is_behind_system && !is_of_bot && is_device(part);
            is_behind_system |= is_android(part);
            !is_device
        })
    })
}

fn is_android(part: &str) -> bool {
    const SYSTEM: &str = "android";
    let beginning = part.trim_start().get(..SYSTEM.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(SYSTEM))
}

/// True for a device's name, with or without its build; false for a product with its version.
fn is_device(part: &str) -> bool {
    let with_build = part.split_once(" Build/").or_else(|| part.split_once(" build/"));
    !with_build.map_or(part, |(name, _)| name).contains('/')
}

/// The bot's own name, if it gives one.
pub(super) fn name(user_agent: &str, lower: &str) -> Option<String> {
    if let Some(name) = find(NAMED, lower) {
        return Some(name.to_owned());
    }
    let phrases = || without_devices(user_agent).flat_map(|part| part.split([',', '[', ']', '<', '>', '"']));
    let words = || phrases().flat_map(str::split_whitespace).filter(|word| !is_address(word));
    let own = |name: &&str| is_name(name) && !COMMON.contains(&name.to_ascii_lowercase().as_str());
    words()
        .map(product)
        .find(|name| is_name(name) && says_bot(name))
        .map(str::to_owned)
        .or_else(|| phrases().find_map(spoken_name))
        .or_else(|| words().filter(|word| word.contains('/')).map(product).find(own).map(str::to_owned))
}

/// True if a text may be shown as a product name.
pub(super) fn is_name(text: &str) -> bool {
    let allowed = |symbol: char| symbol.is_alphanumeric() || " ._-!&'".contains(symbol);
    text.len() <= NAME_BYTES_MAX
        && text.starts_with(char::is_alphanumeric)
        && text.trim() == text
        && text.chars().all(allowed)
}

/// True if a word of a lower-case text ends like a bot's name.
fn names_a_bot(lower: &str) -> bool {
    let ends_like_a_bot =
        |word: &str| !NOT_BOTS.contains(&word) && ENDINGS.iter().any(|ending| word.ends_with(ending));
    lower.split(|symbol: char| !symbol.is_ascii_alphabetic()).any(ends_like_a_bot)
}

/// True for `Googlebot` and `Slackbot-LinkExpanding`, false for the bare word `bot`.
fn says_bot(product: &str) -> bool {
    let lower = product.to_ascii_lowercase();
    !BARE.contains(&lower.as_str()) && names_a_bot(&lower)
}

/// `Screaming Frog SEO Spider` from `Screaming Frog SEO Spider/20.0`: a name of several words, one of which is the bare
/// `spider`.
fn spoken_name(phrase: &str) -> Option<String> {
    let words: Vec<&str> = phrase.split_whitespace().map(product).take(5).collect();
    let last = words.iter().position(|word| BARE.contains(&word.to_ascii_lowercase().as_str()))?;
    let name = words[..=last].join(" ");
    let common = words.iter().any(|word| COMMON.contains(&word.to_ascii_lowercase().as_str()));
    (last > 0 && !common && is_name(&name)).then_some(name)
}

/// The name in `Name/1.0`, without a sentence's punctuation.
fn product(word: &str) -> &str {
    word.split_once('/').map_or(word, |(name, _)| name).trim_end_matches(['+', ':', '.', '!', '-'])
}

fn is_address(word: &str) -> bool {
    word.contains("://") || word.contains('@') || word.contains("www.") || word.starts_with('+')
}
