//! How long interactions are kept after their newest event.
//!
//! What is too old is not written, and what has become too old is removed without a trace, so a replay of the topics
//! does not bring it back.

use std::collections::BTreeMap;
use std::time::Duration;

use hearken_config::{IndexConfig, RetentionOf, RetentionRule};
use hearken_index::search::{Filter, FilterValue};
use hearken_model::{State, Timestamp, Versioned};

/// The rules of `[index]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    rules: Vec<RetentionRule>,
    otherwise: Option<Duration>,
}

impl Retention {
    /// The rules as configured.
    pub fn new(config: &IndexConfig) -> Self {
        Retention { rules: config.retention_rules.clone(), otherwise: config.retention }
    }

    /// Whether anything is ever removed.
    pub fn is_any(&self) -> bool {
        self.otherwise.is_some() || !self.rules.is_empty()
    }

    /// Whether the interaction has been silent for longer than it is kept. The tombstone of an erased one stays.
    pub(crate) fn is_over(&self, state: &State, now: Timestamp) -> bool {
        let is = |known: &Option<Versioned<String>>, name: &String| {
            known.as_ref().is_some_and(|known| known.value == *name)
        };
        let rule = self.rules.iter().find(|rule| match &rule.of {
            RetentionOf::Organization(name) => is(&state.organization, name),
            RetentionOf::Agent(name) => is(&state.agent, name),
        });
        let retention = rule.map(|rule| rule.retention).or(self.otherwise);
        !state.erased && retention.is_some_and(|retention| state.newest_event <= before(now, retention))
    }

    /// For each set of interactions under one rule: filters for the set, and the newest event time that is too old.
    pub(crate) fn cutoffs(&self, now: Timestamp) -> Vec<(BTreeMap<String, Filter>, Timestamp)> {
        let mut excluded: BTreeMap<String, Filter> = BTreeMap::new();
        let mut cutoffs = Vec::new();
        for rule in &self.rules {
            let (field, name) = match &rule.of {
                RetentionOf::Organization(name) => ("organization", name),
                RetentionOf::Agent(name) => ("agent", name),
            };
            let value = FilterValue::Is(name.clone());
            let mut filters = excluded.clone();
            filters.entry(field.to_owned()).or_default().any_of.push(value.clone());
            cutoffs.push((filters, before(now, rule.retention)));
            excluded.entry(field.to_owned()).or_default().none_of.push(value);
        }
        if let Some(retention) = self.otherwise {
            cutoffs.push((excluded, before(now, retention)));
        }
        cutoffs
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(age.as_millis()).unwrap_or(i64::MAX).saturating_neg())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hearken_model::{Event, InteractionId};

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn state(organization: Option<&str>, agent: Option<&str>, age_days: i64, now: Timestamp) -> State {
        let id = InteractionId::try_new("i").unwrap();
        let time = now.plus_millis(-age_days * 24 * 60 * 60 * 1_000);
        let mut event = Event::new(id.clone(), time, time);
        event.started.organization = organization.map(str::to_owned);
        event.started.agent = agent.map(str::to_owned);
        let mut state = State::new(id);
        state.fold(event, None).unwrap();
        state
    }

    #[test]
    fn the_first_rule_that_is_about_an_interaction_decides() {
        let rule = |of, days| RetentionRule { of, retention: days * DAY };
        let config = IndexConfig {
            retention: Some(90 * DAY),
            retention_rules: vec![
                rule(RetentionOf::Organization("acme".into()), 365),
                rule(RetentionOf::Agent("Ada".into()), 1),
            ],
            ..IndexConfig::default()
        };
        let retention = Retention::new(&config);
        let now = Timestamp::from_millis(1_800_000_000_000);
        for (organization, agent, age_days, is_over) in [
            (None, None, 89, false),
            (None, None, 90, true),
            (Some("acme"), Some("Ada"), 364, false),
            (Some("acme"), None, 365, true),
            (Some("Acme"), None, 100, true),
            (Some("other"), Some("Ada"), 1, true),
            (None, Some("Ada"), 0, false),
        ] {
            let state = state(organization, agent, age_days, now);
            assert_eq!(retention.is_over(&state, now), is_over, "{organization:?} {agent:?} {age_days}");
            assert!(!Retention::default().is_over(&state, now));
        }
        let mut erased = state(None, None, 1_000, now);
        erased.erased = true;
        assert!(!retention.is_over(&erased, now), "a tombstone is for good");
        let cutoffs = retention.cutoffs(now);
        assert_eq!(cutoffs.len(), 3);
        assert_eq!(cutoffs[2].0["organization"].none_of, [FilterValue::Is("acme".into())]);
        assert_eq!(cutoffs[2].1, now.plus_millis(-90 * 24 * 60 * 60 * 1_000));
    }
}
