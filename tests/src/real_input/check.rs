//! An expected interaction against the one that the API answers, field by field.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;

use serde_json::Value;

use super::fact::parse_rfc3339;
use super::fold::{Expected, ExpectedMessage};
use crate::data::{Address, UserAgent};

/// Names that the tests know without asking the product: enough of CLDR's to see that names are names.
const COUNTRIES: [(&str, &str); 12] = [
    ("US", "United States"),
    ("DE", "Germany"),
    ("FR", "France"),
    ("GB", "United Kingdom"),
    ("CN", "China"),
    ("JP", "Japan"),
    ("IN", "India"),
    ("BR", "Brazil"),
    ("NL", "Netherlands"),
    ("CH", "Switzerland"),
    ("CA", "Canada"),
    ("KE", "Kenya"),
];

/// uap-core's family → the product's name by docs/reference.md#interaction. Families that are left out (in-app browsers)
/// are not compared, because the reference does not say what they are called.
const BROWSERS: [(&str, &str); 15] = [
    ("Chrome", "Chrome"),
    ("Chrome Mobile", "Chrome"),
    ("Chrome Mobile iOS", "Chrome"),
    ("Safari", "Safari"),
    ("Mobile Safari", "Safari"),
    ("Firefox", "Firefox"),
    ("Firefox iOS", "Firefox"),
    ("Firefox Mobile", "Firefox"),
    ("Edge", "Edge"),
    ("Edge Mobile", "Edge"),
    ("Samsung Internet", "Samsung Internet"),
    ("Brave", "Brave"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("DuckDuckGo Mobile", "DuckDuckGo"),
    ("Opera", "Opera"),
];

/// uap-core's system → the reference's name.
const SYSTEMS: [(&str, &str); 7] = [
    ("Mac OS X", "macOS"),
    ("Windows", "Windows"),
    ("iOS", "iOS"),
    ("Android", "Android"),
    ("Chrome OS", "ChromeOS"),
    ("Linux", "Linux"),
    ("Ubuntu", "Linux"),
];

/// What User-Agents and addresses truly are.
#[derive(Debug)]
pub struct Truth<'a> {
    user_agents: HashMap<&'a str, &'a UserAgent>,
    addresses: HashMap<&'a str, &'a Address>,
}

impl<'a> Truth<'a> {
    /// From the rows of the test data.
    pub fn new(user_agents: &'a [UserAgent], addresses: &'a [Address]) -> Truth<'a> {
        Truth {
            user_agents: user_agents.iter().map(|row| (row.ua.as_str(), row)).collect(),
            addresses: addresses.iter().map(|row| (row.ip.as_str(), row)).collect(),
        }
    }

    /// The address row of an interaction.
    pub fn address(&self, expected: &Expected) -> Option<&'a Address> {
        self.addresses.get(expected.fields.get("ip_address")?.as_str()?).copied()
    }
}

/// Every difference between what is expected and the `answer` of `GET /v1/interactions/{id}`, in words.
pub fn differences(expected: &Expected, answer: &Value, truth: &Truth<'_>) -> Vec<String> {
    let mut check = Check { answer, differences: Vec::new() };
    check.given_fields(expected);
    check.derived_fields(expected);
    check.place(expected, truth);
    check.browser(expected, truth);
    check.analysis(expected);
    check.transcript(expected);
    check.differences
}

struct Check<'a> {
    answer: &'a Value,
    differences: Vec<String>,
}

impl Check<'_> {
    fn given_fields(&mut self, expected: &Expected) {
        self.same("id", &Value::from(expected.id.as_str()));
        let names = [
            "organization",
            "agent",
            "type",
            "integration",
            "direction",
            "ip_address",
            "url",
            "language",
            "user_id",
            "caller",
        ];
        for name in names {
            self.same(name, expected.fields.get(name).unwrap_or(&Value::Null));
        }
        let host = expected.fields.get("url").and_then(|url| url.as_str()?.split('/').nth(2));
        self.same("url_host", &Value::from(host));
        let metadata = expected.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        self.same("metadata", &Value::Object(metadata));
    }

    fn derived_fields(&mut self, expected: &Expected) {
        self.same("status", &Value::from(expected.status));
        self.same("end_reason", &Value::from(expected.end_reason));
        self.same("recording_url", &Value::from(expected.recording_url.clone()));
        self.same("messages_count", &Value::from(expected.messages_count));
        self.same_time("start_time", Some(expected.start_ms));
        self.same_time("end_time", expected.end_ms);
        let duration = self.answer["duration"].as_f64().map(|seconds| (seconds * 1000.0).round() as i64);
        self.equal("duration in ms", &duration, &Some(expected.duration_ms));
        self.same("llm_model", &Value::from(expected.llm_model.clone()));
        let listed: BTreeSet<_> = texts(&self.answer["llm_models"]);
        let mut allowed = expected.llm_models.clone();
        allowed.extend(expected.fields.get("llm_model").and_then(|model| model.as_str().map(str::to_owned)));
        if !expected.llm_models.is_subset(&listed) || !listed.is_subset(&allowed) {
            self.differ("llm_models", &listed, &expected.llm_models);
        }
        let usage = &self.answer["usage"];
        let sums = ["input_tokens", "cached_input_tokens", "output_tokens"]
            .map(|name| usage[name].as_u64().unwrap_or(0));
        self.equal("usage", &sums, &expected.usage.unwrap_or_default());
        self.same("rating", &Value::from(expected.rating.map(|(rating, _)| rating)));
        self.same("rating_comment", &Value::from(expected.rating.and_then(|(_, comment)| comment)));
    }

    fn place(&mut self, expected: &Expected, truth: &Truth<'_>) {
        let Some(row) = truth.address(expected) else { return };
        self.same("country_code", &Value::from(row.country.as_str()));
        self.same("city", &Value::from(row.city.clone()));
        match COUNTRIES.iter().find(|(code, _)| *code == row.country) {
            Some((_, name)) => self.same("country", &Value::from(*name)),
            None if self.answer["country"].as_str().is_some_and(|name| name.len() > 2) => {}
            None => self.differ("country", &self.answer["country"].clone(), &"a name"),
        }
    }

    fn browser(&mut self, expected: &Expected, truth: &Truth<'_>) {
        let user_agent = expected.fields.get("user_agent").and_then(Value::as_str).unwrap_or_default();
        let Some(row) = truth.user_agents.get(user_agent) else { return };
        if let Some(browser) = renamed(&BROWSERS, row.browser.as_deref()) {
            self.same_for("browser", &Value::from(browser), user_agent);
        }
        if let Some(os) = renamed(&SYSTEMS, row.os.as_deref()) {
            let os = if user_agent.contains("iPad") { "iPadOS" } else { os };
            self.same_for("os", &Value::from(os), user_agent);
        }
        // Only where the User-Agent itself says it: the rows know of tablets that pass for desktops.
        let device = match row.device.as_deref() {
            _ if user_agent.contains("iPad") => "tablet",
            Some("desktop") => "desktop",
            Some("mobile") if user_agent.contains("Mobile") => "mobile",
            _ => return,
        };
        self.same_for("device", &Value::from(device), user_agent);
    }

    fn analysis(&mut self, expected: &Expected) {
        for (name, value) in &expected.analysis {
            let found = &self.answer["topics_summary"][name];
            if found != value {
                self.differ(&format!("topics_summary.{name}"), &found.clone(), value);
            }
        }
    }

    fn transcript(&mut self, expected: &Expected) {
        let empty = Vec::new();
        let found = self.answer["transcript"].as_array().unwrap_or(&empty);
        let ids = |message: &Value| message["id"].as_str().unwrap_or_default().to_owned();
        let found_ids: Vec<_> = found.iter().map(ids).collect();
        let expected_ids: Vec<_> = expected.transcript.iter().map(|message| message.id.clone()).collect();
        if found_ids != expected_ids {
            return self.differ("transcript's ids", &found_ids, &expected_ids);
        }
        for (found, wanted) in found.iter().zip(&expected.transcript) {
            self.message(found, wanted, expected.start_ms);
        }
    }

    fn message(&mut self, found: &Value, wanted: &ExpectedMessage, start_ms: i64) {
        let place = |name: &str| format!("message {}: {name}", wanted.id);
        self.equal(&place("at"), &time_ms(&found["at"]), &Some(wanted.at_ms));
        self.equal(&place("timestamp"), &found["timestamp"].as_i64(), &Some(wanted.at_ms - start_ms));
        for name in ["role", "message", "llm_model", "usage", "confidence", "interrupted"] {
            let wanted = wanted.fields.get(name).unwrap_or(&Value::Null);
            if found[name] != *wanted {
                self.differ(&place(name), &found[name], wanted);
            }
        }
        let tool = wanted.fields.get("tool").unwrap_or(&Value::Null);
        for name in ["name", "arguments"] {
            self.equal(&place(&format!("tool.{name}")), &found["tool"][name], &tool[name]);
        }
    }

    fn same(&mut self, name: &str, wanted: &Value) {
        self.same_for(name, wanted, "");
    }

    fn same_for(&mut self, name: &str, wanted: &Value, of_what: &str) {
        let found = &self.answer[name]; // absent and `null` are the same
        if found != wanted {
            let name = if of_what.is_empty() { name.to_owned() } else { format!("{name} of `{of_what}`") };
            self.differ(&name, &found.clone(), wanted);
        }
    }

    fn same_time(&mut self, name: &str, wanted_ms: Option<i64>) {
        let found = time_ms(&self.answer[name]);
        self.equal(name, &found, &wanted_ms);
    }

    fn equal<T: PartialEq + Debug>(&mut self, name: &str, found: &T, wanted: &T) {
        if found != wanted {
            self.differ(name, found, wanted);
        }
    }

    fn differ(&mut self, name: &str, found: &impl Debug, wanted: &impl Debug) {
        self.differences.push(format!("{name} is {found:?}, expected {wanted:?}"));
    }
}

fn renamed(names: &[(&str, &'static str)], family: Option<&str>) -> Option<&'static str> {
    names.iter().find(|(name, _)| Some(*name) == family).map(|(_, name)| *name)
}

fn time_ms(time: &Value) -> Option<i64> {
    parse_rfc3339(time.as_str()?)
}

fn texts(list: &Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}
