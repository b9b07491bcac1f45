//! Made-up interactions.

use std::collections::BTreeMap;

use hearken_model::{
    Document, Event, InteractionId, InteractionType, MessageTime, MessageUpdate, Role, Scalar, Sentiment,
    State, Status, Timestamp,
};

/// Words that meet each other's forms, prefixes, misspellings and scripts.
pub const WORDS: &[&str] = &[
    "refund",
    "refunds",
    "refunded",
    "refudn",
    "refu",
    "order",
    "orders",
    "ordering",
    "the",
    "a",
    "not",
    "Café",
    "cafe",
    "Straße",
    "strasse",
    "MÜNCHEN",
    "55-A12",
    "A12",
    "55",
    "ada@example.com",
    "https://example.com/a?b=1",
    "don't",
    "退款",
    "退",
    "款",
    "我要退款",
    "订单",
    "手机",
    "iPhone手机",
    "환불",
    "환불을",
    "ありがとう",
    "カード",
    "คืนเงิน",
    "เงิน",
    "धनवापसी",
    "हिन्दी",
    "👍",
    "👍🏽",
    "😀",
    "🇩🇪",
    "ordre",
    "Größe",
    "ÉTÉ",
    "x",
    "…",
    "universe",
    "university",
    "news",
    "re\u{AD}fund",
    "می\u{200C}خواهم",
    "میخواهم",
    "كِتَابٌ",
    "کتاب",
    "שָׁלוֹם",
    "שלום",
    "ΟΔΟΣ",
    "οδος",
    "१२",
    "12",
    "+49 30 1234567",
    "u_8f3a-22",
];

pub struct Rng(pub u64);

impl Rng {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
    pub fn maybe<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (self.below(4) > 0).then(|| self.pick(from))
    }
    pub fn text(&mut self, words_max: usize) -> String {
        let num_words = self.below(words_max + 1);
        (0..num_words).map(|_| self.pick(WORDS)).collect::<Vec<_>>().join(self.pick(&[" ", " ", ", ", ""]))
    }
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_760_000_000_000 + seconds * 1_000)
}

pub fn message(role: Role, text: &str, seconds: i64) -> MessageUpdate {
    MessageUpdate::new(MessageTime::At(at(seconds)), role, text)
}

/// A document with those messages and nothing else.
pub fn conversation(id: &str, messages: &[(Role, &str)]) -> Document {
    let id = InteractionId::try_new(id).unwrap();
    let mut state = State::new(id.clone());
    let mut event = Event::new(id, at(0), at(0));
    for (number, (role, text)) in messages.iter().enumerate() {
        event.messages.push((format!("m{number:03}"), message(*role, text, number as i64)));
    }
    state.fold(event, None).unwrap();
    let mut document = Document::new(state);
    document.derived.head.id = document.id().as_str().to_owned();
    document.derived.head.messages_count = messages.len() as u64;
    document.derived.head.start_time = document.state.start_time();
    document
}

pub fn made_up(number: usize, rng: &mut Rng) -> Document {
    let roles =
        [Role::User, Role::Assistant, Role::User, Role::Assistant, Role::Human, Role::System, Role::Tool];
    let texts: Vec<(Role, String)> = (0..rng.below(8)).map(|_| (rng.pick(&roles), rng.text(9))).collect();
    let messages: Vec<(Role, &str)> = texts.iter().map(|(role, text)| (*role, text.as_str())).collect();
    let mut document = conversation(&format!("Made-Up:{number}"), &messages);
    let head = &mut document.derived.head;
    let owned = |value: Option<&str>| value.map(str::to_owned);
    head.organization = owned(rng.maybe(&["acme", "Acme", "globex"]));
    head.agent = owned(rng.maybe(&["Ada L", "ada l", "Bob", "Adalbert", "ΝΙΚΟΣ", "JOSE\u{301}"]));
    head.llm_models = ["gpt-4o", "claude"][..rng.below(3)].iter().map(|m| (*m).to_owned()).collect();
    head.llm_model = head.llm_models.first().cloned();
    head.interaction_type = rng.maybe(&[InteractionType::TextChat, InteractionType::VoiceCall]);
    head.status = rng.maybe(&[Status::InProgress, Status::Finished]);
    head.country = owned(rng.maybe(&["Germany", "France", "Türkiye", "中国", "İstanbul", "Große"]));
    head.url = Some(format!("https://example.com/{}", "long".repeat(rng.below(500))));
    head.user_id = owned(rng.maybe(&["u_8f3a-22", "ada@example.com", "12"]));
    head.caller = owned(rng.maybe(&["+49301234567", "+49 30 1234567", "anonymous"]));
    head.rating_comment = Some(rng.text(4)).filter(|comment| !comment.is_empty());
    head.start_time = rng.maybe(&[at(0), at(3_600), at(86_400), at(90_000)]);
    head.duration = rng.maybe(&[0.0, 0.1, 61.5, 7_200.0]);
    head.end_time = rng.maybe(&[at(4_000), at(100_000)]).filter(|_| head.start_time.is_some());
    head.csat = rng.maybe(&[1, 2, 3, 4, 5]);
    head.rating = rng.maybe(&[1, 5]);
    head.billable_messages = rng.maybe(&[0, 3, 9]);
    head.total_costs.amount = rng.maybe(&["0", "0.10", "0.25", "-1.5"]).map(|amount| amount.parse().unwrap());
    head.topics_summary.topic = Some(rng.text(3)).filter(|topic| !topic.is_empty());
    head.topics_summary.summary = Some(rng.text(8)).filter(|summary| !summary.is_empty());
    head.topics_summary.keywords = (0..rng.below(4)).map(|_| rng.pick(WORDS).to_owned()).collect();
    head.topics_summary.sentiment = rng.maybe(Sentiment::ALL);
    if let Some(plan) =
        rng.maybe(&["pro", "Pro", "free", "12", "9007199254740992", "9007199254740993", "1e400"])
    {
        head.metadata.insert("plan".to_owned(), Scalar::Text(plan.to_owned()));
    }
    if let Some(order) = rng.maybe(&["55-A12", "refund order", "订单 12", "cafe"]) {
        head.metadata.insert("order".to_owned(), Scalar::Text(order.to_owned()));
    }
    if let Some(seats) = rng.maybe(&[1, 5, 12]) {
        head.metadata.insert("plan.seats\0odd".to_owned(), Scalar::Number(seats.into()));
        head.metadata.insert("seats".to_owned(), Scalar::Number(seats.into()));
    }
    document
}

/// Three hundred interactions, in the batches they come in; some are replaced and some erased on the way. With them what
/// is left in the end.
pub fn story() -> (Vec<Vec<Document>>, Vec<Document>) {
    let mut rng = Rng(7);
    let mut documents: BTreeMap<String, Document> = BTreeMap::new();
    let mut batches = Vec::new();
    let mut revision = 0;
    for _ in 0..12 {
        let mut batch = Vec::new();
        for _ in 0..40 {
            let number = rng.below(300);
            let mut document = if rng.below(20) == 0 {
                Document::tombstone(InteractionId::try_new(format!("Made-Up:{number}")).unwrap())
            } else {
                made_up(number, &mut rng)
            };
            revision += 1;
            document.revision = revision;
            batch.push(document.clone());
            documents.insert(document.id().as_str().to_owned(), document);
        }
        batches.push(batch);
    }
    (batches, documents.into_values().collect())
}
