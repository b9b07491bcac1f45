//! Languages that users of other tools reported as wrongly detected; `docs/tried.md` lists the reports.
#![allow(clippy::unwrap_used)]

use hearken_analysis::{Analyzer, Conversation, Memo, Utterance};
use hearken_model::{Role, Status};

fn language(text: &str) -> Option<String> {
    let utterances = [Utterance { id: "1", role: Role::User, text, at_ms: 0, given_mood: None }];
    let conversation = Conversation {
        utterances: &utterances,
        status: Status::Finished,
        ended: true,
        end_reason: None,
        language: None,
    };
    Analyzer::built_in().analyze(&conversation, &mut Memo::default()).language
}

#[test]
fn short_texts_are_of_their_language_or_of_none() {
    for (text, of) in [
        ("I love you", "en"),
        ("Let's talk somewhere else", "en"),
        ("Test String", "en"),
        ("A Test String", "en"),
        ("distribution agreement", "en"),
        ("Масло масляное", "ru"),
        ("USA, Osteuropa", "de"),
        ("TL IBEM WILXL WYVWIX WB OL XLEK", ""),
    ] {
        let told = language(text);
        assert!(told.is_none() || told.as_deref() == Some(of), "{text}: {told:?}");
    }
}
