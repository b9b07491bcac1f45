//! A memo saves work and changes no answer, whatever happens to the conversation between two calls.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use hearken_analysis::{Analysis, Analyzer, Conversation, Memo, Utterance};
use hearken_model::{Role, Status};
use proptest::prelude::*;

static ANALYZER: LazyLock<Analyzer> = LazyLock::new(Analyzer::built_in);

type Message = (Role, String);

fn analyze(messages: &[Message], status: Status, language: Option<&str>, memo: &mut Memo) -> Analysis {
    let utterances: Vec<Utterance<'_>> = messages
        .iter()
        .map(|(role, text)| Utterance { id: text, role: *role, text, at_ms: 0, given_mood: None })
        .collect();
    let ended = status == Status::Finished;
    let conversation = Conversation { utterances: &utterances, status, ended, end_reason: None, language };
    ANALYZER.analyze(&conversation, memo)
}

/// What happens to a conversation between two calls.
#[derive(Clone, Debug)]
enum Change {
    Append(Message),
    Insert(prop::sample::Index, Message),
    Edit(prop::sample::Index, Message),
    Remove(prop::sample::Index),
    LanguageGiven(Option<&'static str>),
    Status(Status),
    MemoLost,
}

fn message() -> impl Strategy<Value = Message> {
    let phrases = prop::sample::select(vec![
        "hi",
        "ok thanks",
        "Where is my order? It never arrived.",
        "I want to book a flight to Rome.",
        "no",
        "Your booking has been confirmed.",
        "Unfortunately I can't do that.",
        "That's great, thank you!",
        "This is terrible, let me speak to a manager!",
        "Ich suche ein Hotel in der Stadtmitte, bitte.",
        "Das hat leider nicht geklappt, vielen Dank für nichts.",
        "Je voudrais un remboursement, s'il vous plaît.",
        "我的订单在哪里？谢谢",
        "注文をキャンセルしたいです。",
        "My Contoso Router keeps dropping the connection",
        "quisiera cambiar mi asiento, por favor",
        "मेरा ऑर्डर कहाँ है",
        "12345",
        "👍",
    ]);
    let text = prop_oneof![4 => phrases.prop_map(str::to_owned), 1 => "\\PC{0,40}", 1 => any::<String>()];
    let role = prop::sample::select(vec![
        Role::User,
        Role::User,
        Role::Assistant,
        Role::Human,
        Role::System,
        Role::Tool,
    ]);
    (role, text)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => message().prop_map(Change::Append),
        2 => (any::<prop::sample::Index>(), message()).prop_map(|(at, message)| Change::Insert(at, message)),
        2 => (any::<prop::sample::Index>(), message()).prop_map(|(at, message)| Change::Edit(at, message)),
        1 => any::<prop::sample::Index>().prop_map(Change::Remove),
        1 => prop::sample::select(vec![None, Some("de"), Some("en-GB"), Some("tlh"), Some("")])
            .prop_map(Change::LanguageGiven),
        1 => prop::sample::select(Status::ALL.to_vec()).prop_map(Change::Status),
        1 => Just(Change::MemoLost),
    ]
}

proptest! {
    #[test]
    fn a_memo_never_changes_the_answer(changes in prop::collection::vec(change(), 1..90)) {
        let mut messages: Vec<Message> = Vec::new();
        let mut memo = Memo::default();
        let mut language = None;
        let mut status = Status::InProgress;
        for change in changes {
            match change {
                Change::Append(message) => messages.push(message),
                Change::Insert(at, message) => messages.insert(at.index(messages.len() + 1), message),
                Change::Edit(at, message) if !messages.is_empty() => {
                    let at = at.index(messages.len());
                    messages[at] = message;
                }
                Change::Remove(at) if !messages.is_empty() => {
                    messages.remove(at.index(messages.len()));
                }
                Change::Edit(..) | Change::Remove(_) => {}
                Change::LanguageGiven(given) => language = given,
                Change::Status(changed) => status = changed,
                Change::MemoLost => memo = Memo::default(),
            }
            let kept = analyze(&messages, status, language, &mut memo);
            let fresh = analyze(&messages, status, language, &mut Memo::default());
            prop_assert_eq!(kept, fresh);
        }
    }

    #[test]
    fn answers_keep_their_bounds(messages in prop::collection::vec(message(), 0..70), status in prop::sample::select(Status::ALL.to_vec())) {
        let analysis = analyze(&messages, status, None, &mut Memo::default());
        prop_assert_eq!(analysis.messages.len(), messages.len());
        for (judged, (role, _)) in analysis.messages.iter().zip(&messages) {
            prop_assert!(judged.is_none() || *role == Role::User);
        }
        prop_assert!(analysis.assessment.csat.is_none_or(|csat| (1..=5).contains(&csat)));
        prop_assert_eq!(analysis.assessment.csat.is_some(), analysis.assessment.csat_description.is_some());
        prop_assert_eq!(analysis.assessment.sentiment.is_some(), analysis.assessment.sentiment_description.is_some());
        let keywords = analysis.assessment.keywords.unwrap_or_default();
        prop_assert!(keywords.len() <= 8);
        prop_assert!(keywords.iter().all(|keyword| !keyword.trim().is_empty() && keyword.len() <= 300));
        if let Some(summary) = analysis.assessment.summary {
            prop_assert!(!summary.is_empty() && summary.chars().count() <= 400, "{}", summary);
            prop_assert!(!summary.contains('\n'));
        }
    }
}

/// Covers a conversation longer than what topic, keywords and summary read.
#[test]
fn long_conversations_are_read_at_both_ends() {
    let mut messages = vec![(Role::User, "I lost my credit card, please block it.".to_owned())];
    for n in 0..5_000 {
        messages.push((Role::Assistant, format!("Please wait, I am still looking into matter {n}.")));
        messages.push((Role::User, "I am waiting.".to_owned()));
    }
    messages.push((Role::Assistant, "Your card has been blocked.".to_owned()));
    let mut memo = Memo::default();
    for len in (1..=messages.len()).step_by(997).chain([messages.len()]) {
        let kept = analyze(&messages[..len], Status::InProgress, None, &mut memo);
        assert_eq!(kept, analyze(&messages[..len], Status::InProgress, None, &mut Memo::default()));
    }
    let analysis = analyze(&messages, Status::Finished, None, &mut memo);
    assert_eq!(analysis.assessment.topic.as_deref(), Some("Lost or stolen card"));
    assert_eq!(
        analysis.assessment.summary.as_deref().unwrap().split(" – ").take(2).collect::<Vec<_>>(),
        [
            "The customer asked: I lost my credit card, please block it.",
            "The agent: Your card has been blocked.",
        ]
    );
}

/// One huge message neither panics nor takes time from the others.
#[test]
fn huge_messages_are_read_in_part() {
    let log = "error: connection refused at line 42; ".repeat(50_000);
    let messages = vec![
        (Role::User, format!("My router keeps dropping the connection. {log}")),
        (Role::Assistant, "I am afraid I can't read all of this.".to_owned()),
        (Role::User, "語".repeat(200_000)),
    ];
    let analysis = analyze(&messages, Status::Finished, Some("en"), &mut Memo::default());
    assert_eq!(analysis.assessment.topic.as_deref(), Some("Connection problems"));
}
