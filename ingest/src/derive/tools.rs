//! Which tools were called.

use std::collections::HashSet;

use super::Transcript;

/// The names of the tools in order of their first call, and those with a failed call.
pub(super) fn called(transcript: &Transcript<'_>) -> (Vec<String>, Vec<String>) {
    let calls = || transcript.iter().filter_map(|(_, _, message)| message.tool.as_ref());
    let all = calls().map(|tool| tool.name.as_str());
    let failed = calls().filter(|tool| tool.ok == Some(false)).map(|tool| tool.name.as_str());
    (distinct(all), distinct(failed))
}

fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.filter(|name| seen.insert(*name)).map(str::to_owned).collect()
}
