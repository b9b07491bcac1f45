//! User-Agent → browser, operating system and device, under the names of docs/reference.md#interaction.
//!
//! woothee parses; `products` corrects what it does not know or misnames. A User-Agent is written by a stranger: only
//! its first `PARSED_BYTES_MAX` bytes are examined, every step is linear, and nothing is guessed: what is unknown is
//! `None`.

mod bots;
mod products;

#[cfg(test)]
mod accuracy;
#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;

use lru::LruCache;
use woothee::parser::{Parser, WootheeResult};

use products::{APPS, KnownSystem, LIBRARIES, SYSTEMS, find};

/// Longer User-Agents are judged by their beginning. The longest genuine ones, from apps, have about 800 bytes.
const PARSED_BYTES_MAX: usize = 1024;

/// How many distinct User-Agents are remembered. A site sees a few thousand a day; at worst they take 10,000 × 1 KiB.
const CACHED_CLIENTS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// What a User-Agent says; `None` means unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserAgent {
    /// The product without "Mobile": Chrome, Safari, Samsung Internet, …; for a bot its own name, in an app the app's.
    pub browser: Option<String>,
    /// Windows, macOS, iOS, iPadOS, Android, ChromeOS, Linux, or another system's own name.
    pub os: Option<String>,
    /// The kind of device.
    pub device: Option<Device>,
}

/// The kind of device that a client runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A computer with a keyboard.
    Desktop,
    /// A telephone.
    Mobile,
    /// A tablet. One that requests desktop pages, as iPads do by default, looks like a computer.
    Tablet,
    /// A program that reads pages without a person: a crawler, link preview, monitor or AI agent.
    Bot,
    /// A television, console, watch, headset or HTTP library.
    Other,
}

impl Device {
    /// The name used in answers and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Bot => "bot",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How a look-up was answered: the `outcome` of `enrich_lookups_total{kind="user_agent"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParseOutcome {
    /// Recognised, from the cache.
    Cached,
    /// Recognised, by parsing.
    Parsed,
    /// Not recognised at all.
    Unknown,
}

impl ParseOutcome {
    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Parsed => "parsed",
            Self::Unknown => "unknown",
        }
    }
}

/// Parses User-Agents and remembers recent ones, because conversations come in bursts from a few of them.
#[derive(Debug)]
pub struct UserAgentParser {
    cache: LruCache<String, UserAgent>,
}

impl Default for UserAgentParser {
    fn default() -> Self {
        Self::new()
    }
}

impl UserAgentParser {
    /// A parser with an empty cache.
    pub fn new() -> Self {
        Self { cache: LruCache::new(CACHED_CLIENTS_MAX) }
    }

    /// What a User-Agent says. Never fails: any text is answered, judged by its first 1,024 bytes if it is longer.
    pub fn parse(&mut self, user_agent: &str) -> (UserAgent, ParseOutcome) {
        let user_agent = beginning(user_agent).trim();
        let (client, outcome) = match self.cache.get(user_agent) {
            Some(client) => (client.clone(), ParseOutcome::Cached),
            None => {
                let client = parse(user_agent);
                self.cache.put(user_agent.to_owned(), client.clone());
                (client, ParseOutcome::Parsed)
            }
        };
        let outcome = if client == UserAgent::default() { ParseOutcome::Unknown } else { outcome };
        (client, outcome)
    }
}

/// The first [`PARSED_BYTES_MAX`] bytes, or up to three fewer so as not to split a character.
fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(PARSED_BYTES_MAX)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Parses without a cache.
fn parse(user_agent: &str) -> UserAgent {
    let lower = user_agent.to_ascii_lowercase();
    let woothee = Parser::new().parse(user_agent).unwrap_or_default();
    let system = System::of(&lower, &woothee);
    let is_app = products::is_app(&lower);
    // Whatever its name ends with: an app on somebody's phone is not a crawler.
    let is_crawler = woothee.category == "crawler" && !is_app;
    if is_crawler || bots::is_bot(&lower, is_app) {
        let browser = bots::name(user_agent, &lower).or_else(|| known(woothee.name).filter(|_| is_crawler));
        return UserAgent { browser, os: system.name, device: Some(Device::Bot) };
    }
    if !lower.starts_with("mozilla/")
        && let Some(library) = find(LIBRARIES, &lower)
    {
        // An app that uses the library names itself first, and what it runs on.
        let is_hand_held = matches!(system.device, Some(Device::Mobile | Device::Tablet));
        if let Some(app) = first_name(user_agent).filter(|app| is_hand_held && *app != library) {
            let device = device(user_agent, &lower, &system, woothee.category);
            return UserAgent { browser: Some(app), os: system.name, device };
        }
        return UserAgent { browser: Some(library.to_owned()), os: system.name, device: Some(Device::Other) };
    }
    let browser = browser(user_agent, &lower, &woothee, system.name.as_deref());
    let device = device(user_agent, &lower, &system, woothee.category);
    UserAgent { browser, os: system.name, device }
}

/// woothee's answer; `None` for each of its ways to say that it does not know.
fn known(name: &str) -> Option<String> {
    (!matches!(name, "" | "misc crawler" | "HTTP Library") && !name.contains("UNKNOWN"))
        .then(|| name.to_owned())
}

fn browser(user_agent: &str, lower: &str, woothee: &WootheeResult<'_>, os: Option<&str>) -> Option<String> {
    if let Some(app) = find(APPS, lower) {
        return Some(app.to_owned());
    }
    // A program that uses Apple's network library names itself first: `News/12 CFNetwork/978.0.7 Darwin/18.5.0`.
    if lower.contains("cfnetwork/") && !lower.starts_with("mozilla/") {
        return first_name(user_agent).filter(|name| name != "CFNetwork");
    }
    if products::is_app(lower) && !lower.starts_with("mozilla/") {
        return first_name(user_agent).filter(|name| !products::is_app(&format!("{}/", name.to_lowercase())));
    }
    match woothee.name {
        // Android's old built-in browser, and apps that embed today's, both claim to be Safari or Chrome.
        "Safari" if os == Some("Android") => Some("Android Browser".to_owned()),
        "Chrome" | "Webview" if os == Some("Android") && lower.contains("version/4.0") => {
            Some("WebView".to_owned())
        }
        "Webview" => Some("WebView".to_owned()),
        // woothee answers with the system's name if it knows no browser.
        name if woothee.browser_type != "os" && known(name).is_some() => known(name),
        // woothee only recognises Chrome next to the word Safari.
        _ => products::has(lower, "chrome/").then(|| "Chrome".to_owned()),
    }
}

/// The name before the first slash, `My App` of `My%20App/1.2 (iPhone)`.
fn first_name(user_agent: &str) -> Option<String> {
    let name = user_agent.split_once('/')?.0.replace("%20", " ");
    bots::is_name(&name).then_some(name)
}

/// The operating system, and what it implies about the device.
struct System {
    name: Option<String>,
    device: Option<Device>,
}

impl System {
    fn of(lower: &str, woothee: &WootheeResult<'_>) -> Self {
        let has = |marker: &&str| products::has(lower, marker);
        let is = |name: &str, device| Self { name: Some(name.to_owned()), device: Some(device) };
        match SYSTEMS.iter().find(|system| system.markers.iter().any(has)) {
            Some(KnownSystem { name: "macOS", .. }) if products::IOS_ONLY.iter().any(has) => {
                is("iPadOS", Device::Tablet)
            }
            // Amazon's tablets request desktop pages as a Macintosh or as Linux.
            Some(KnownSystem { name: "macOS" | "Linux", .. }) if has(&"silk/") => {
                is("Android", Device::Tablet)
            }
            Some(system) => is(system.name, system.device),
            // Apple's network library: Macs name their processor, phones do not.
            None if has(&"cfnetwork/") && ["i386", "x86_64"].iter().any(has) => is("macOS", Device::Desktop),
            // Of systems missing from the table, woothee knows consoles and feature phones.
            None => Self { name: known(woothee.os), device: None },
        }
    }
}

fn device(user_agent: &str, lower: &str, system: &System, category: &str) -> Option<Device> {
    let has = |marker: &str| products::has(lower, marker);
    if products::NOT_HAND_HELD.iter().any(|marker| has(marker)) || products::is_fire_tv(user_agent) {
        return Some(Device::Other);
    }
    // "Tablet PC" was a Windows component on any computer.
    if (has("tablet") && !has("tablet pc")) || has("playbook") {
        return Some(Device::Tablet);
    }
    match (system.name.as_deref(), system.device) {
        // Google's rule: browsers say "Mobile" on Android phones, but not on tablets. Apps say neither.
        (Some("Android" | "HarmonyOS"), _) => {
            let is_tablet =
                has("silk/") || (lower.starts_with("mozilla/") && !has("mobile") && !has("phone"));
            Some(if is_tablet { Device::Tablet } else { Device::Mobile })
        }
        (Some("Linux"), _) if has("mobile") => Some(Device::Mobile),
        (_, Some(device)) => Some(device),
        (_, None) => match category {
            "pc" => Some(Device::Desktop),
            "smartphone" | "mobilephone" => Some(Device::Mobile),
            "appliance" | "misc" => Some(Device::Other),
            _ => None,
        },
    }
}
