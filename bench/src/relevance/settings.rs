//! The weights that are tried.

use hearken_index::Ranking;

/// One way of ranking.
pub(crate) struct Setting {
    /// What it is an example of; shown whatever it is worth.
    pub(crate) name: Option<&'static str>,
    pub(crate) ranking: Ranking,
}

/// Examples whose worth is shown whatever it is, and a grid of the three weights.
pub(crate) fn all() -> Vec<Setting> {
    let used = Ranking::DEFAULT;
    let mut settings: Vec<Setting> = [
        ("none at all", Ranking { topic: 0.0, keywords: 0.0, summary: 0.0, ..used }),
        ("no topic", Ranking { topic: 0.0, ..used }),
        ("no keywords", Ranking { keywords: 0.0, ..used }),
        ("no summary", Ranking { summary: 0.0, ..used }),
    ]
    .map(|(name, ranking)| Setting { name: Some(name), ranking })
    .into();
    for topic in [0.0, 0.5, 1.0, 2.0, 4.0] {
        for keywords in [0.0, 0.25, 0.5, 1.5] {
            for summary in [0.0, 0.25, 0.5, 1.0] {
                let ranking = Ranking { topic, keywords, summary, ..used };
                if ranking != used && settings.iter().all(|setting| setting.ranking != ranking) {
                    settings.push(Setting { name: None, ranking });
                }
            }
        }
    }
    settings
}
