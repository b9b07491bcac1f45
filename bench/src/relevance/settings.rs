//! The weights that are tried.

use hearken_index::Ranking;

/// One way of ranking.
pub(crate) struct Setting {
    /// What it is an example of; shown whatever it is worth.
    pub(crate) name: Option<&'static str>,
    pub(crate) ranking: Ranking,
}

/// Examples whose worth is shown whatever it is, and a grid of the three weights.
pub(crate) fn weights() -> Vec<Setting> {
    let used = Ranking::DEFAULT;
    let mut settings: Vec<Setting> = [
        ("none at all", Ranking { topic: 0.0, keywords: 0.0, summary: 0.0, ..used }),
        ("no topic", Ranking { topic: 0.0, ..used }),
        ("no keywords", Ranking { keywords: 0.0, ..used }),
        ("no summary", Ranking { summary: 0.0, ..used }),
        ("length ignored", Ranking { b: 0.0, ..used }),
        ("repetition ignored", Ranking { k1: 0.0, ..used }),
    ]
    .map(|(name, ranking)| Setting { name: Some(name), ranking })
    .into();
    for topic in [0.0, 0.5, 1.0, 2.0, 4.0] {
        for keywords in [0.0, 0.25, 0.5, 1.5] {
            for summary in [0.0, 0.25, 0.5, 1.0] {
                add(&mut settings, Ranking { topic, keywords, summary, ..used });
            }
        }
    }
    settings
}

/// A grid of k1 and b with these weights.
pub(crate) fn similarities(weights: &Ranking) -> Vec<Setting> {
    let mut settings = Vec::new();
    for k1 in [0.4, 0.8, 1.2, 1.6, 2.4] {
        for b in [0.3, 0.5, 0.75, 0.9, 1.0] {
            add(&mut settings, Ranking { k1, b, ..*weights });
        }
    }
    settings
}

fn add(settings: &mut Vec<Setting>, ranking: Ranking) {
    if ranking != Ranking::DEFAULT && settings.iter().all(|setting| setting.ranking != ranking) {
        settings.push(Setting { name: None, ranking });
    }
}
