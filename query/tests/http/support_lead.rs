//! What a support lead types, what it must find and what it must not: the language over realistic interactions.

use std::collections::BTreeSet;

use hearken_model::{Document, InteractionType, Role, Scalar, Sentiment, Status};

use crate::world::{World, chat, encoded};
use Role::{Assistant, Human, System, Tool, User};

/// The interactions: id, minute of the start, what was said.
type Said = &'static [(Role, &'static str)];
const SAID: &[(&str, i64, Said)] = &[
    (
        "refund",
        0,
        &[(User, "I want a refund for order 55-A12."), (Assistant, "Of course. It is on the way.")],
    ),
    (
        "refunds",
        10,
        &[(User, "You refunded one parcel, what about my other refunds?"), (Assistant, "I am sorry!")],
    ),
    ("refurbished", 20, &[(User, "Is this phone refurbished? Order 55-B12."), (Assistant, "It is new.")]),
    ("typo", 30, &[(User, "refnud now, this is a dissaster"), (Assistant, "Which order do you mean?")]),
    ("late", 40, &[(User, "My delivery is late, very late."), (Assistant, "The parcel arrives tomorrow.")]),
    ("split", 50, &[(User, "Thank"), (User, "you are late with my order"), (Assistant, "number 12 is next")]),
    ("polite", 60, &[(User, "Thank you so much 😊 for the quick help"), (Assistant, "You are welcome")]),
    (
        "angry",
        70,
        &[(User, "I am sorry, but this is unacceptable 😡😡"), (Assistant, "Let me get a colleague.")],
    ),
    ("handover", 80, &[(User, "A person please"), (Human, "This is Carla from billing, good morning")]),
    ("tool", 90, &[(User, "Where is it?"), (Tool, "lookup_order: status=shipped, carrier=DHL")]),
    ("prompt", 100, &[(System, "You are Acme's secret shopper."), (User, "hi")]),
    ("email", 110, &[(User, "Write to ada.byron@example.com or call +49 30 1234567")]),
    ("email-parts", 120, &[(User, "byron is my name, example my company, ada my dog, com my shop")]),
    ("url", 130, &[(User, "https://shop.example.com/returns?id=7 does not load, error E-404")]),
    ("price", 140, &[(User, "It was 19.99 € with 50% off, version 2.10.3")]),
    ("price-other", 150, &[(User, "I paid 99 and 19 for version 10.2.3")]),
    (
        "german",
        160,
        &[(User, "Meine Straße in München heißt Größe"), (Assistant, "Die Rückerstattung läuft")],
    ),
    ("german-plain", 170, &[(User, "MUENCHEN oder Munchen, Strasse 5")]),
    ("french", 180, &[(User, "Le café était fermé à l'été, où est ma résiliation ?")]),
    ("spanish", 190, &[(User, "Mañana quiero el reembolso del jalapeño")]),
    ("turkish", 200, &[(User, "İade istiyorum, İstanbul'dan")]),
    ("chinese", 210, &[(User, "我要退款，订单还没有到。"), (Assistant, "好的，马上处理。")]),
    ("chinese-return", 220, &[(User, "我想退货，手机iPhone15坏了")]),
    ("japanese", 230, &[(User, "返金してください。カードで払いました。")]),
    ("korean", 240, &[(User, "환불을 받고 싶어요")]),
    ("thai", 250, &[(User, "ฉันต้องการคืนเงิน")]),
    ("hindi", 260, &[(User, "मुझे धनवापसी चाहिए")]),
    ("greek", 270, &[(User, "Ο ΟΔΟΣ και η οδός")]),
    ("call", 280, &[(User, "my internet connection was cancelled"), (Assistant, "We can reconnect you")]),
    ("conv:17/ä", 290, &[(User, "universal cables at the university"), (Assistant, "See conv 18")]),
    ("empty", 300, &[]),
];

fn interactions() -> Vec<Document> {
    let mut interactions: Vec<Document> = SAID.iter().map(|(id, at, said)| chat(id, *at, said)).collect();
    let mut set = |id: &str, set: &dyn Fn(&mut hearken_model::Interaction)| {
        let found = interactions.iter_mut().find(|document| document.id().as_str() == id);
        set(&mut found.unwrap_or_else(|| panic!("no interaction `{id}`")).derived.head);
    };
    let text = |value: &str| Some(value.to_owned());
    set("refund", &|head| {
        head.country = text("Germany");
        head.agent = text("Ada L");
        head.csat = Some(2);
        head.total_costs.amount = "0.05".parse().ok();
        head.topics_summary.sentiment = Some(Sentiment::Negative);
        head.topics_summary.topic = text("Refund request");
        head.metadata.insert("plan".into(), Scalar::Text("Pro".into()));
        head.metadata.insert("seats".into(), Scalar::Number(12.into()));
    });
    set("refunds", &|head| {
        head.country = text("France");
        head.agent = text("Ada Lovelace");
        head.csat = Some(1);
        head.total_costs.amount = "0.10".parse().ok();
        head.topics_summary.sentiment = Some(Sentiment::Negative);
        head.metadata.insert("plan".into(), Scalar::Text("free".into()));
    });
    set("late", &|head| {
        head.country = text("Germany");
        head.agent = text("Bob");
        head.csat = Some(3);
        head.topics_summary.sentiment = Some(Sentiment::Neutral);
        head.topics_summary.summary = text("The customer waits for a parcel from Hamburg.");
        head.topics_summary.keywords = vec!["parcel tracking".into(), "Hamburg".into()];
    });
    set("polite", &|head| {
        head.agent = text("Adalbert");
        head.csat = Some(5);
        head.rating = Some(5);
        head.total_costs.amount = "0.25".parse().ok();
        head.topics_summary.sentiment = Some(Sentiment::Positive);
        head.metadata.insert("seats".into(), Scalar::Number(3.into()));
    });
    set("call", &|head| {
        head.interaction_type = Some(InteractionType::VoiceCall);
        head.status = Some(Status::Transferred);
        head.duration = Some(400.0);
        head.url = text("https://isp.example/help");
        head.language = text("en-GB");
    });
    set("handover", &|head| head.duration = Some(300.0));
    set("german", &|head| head.language = text("de"));
    set("angry", &|head| head.start_time = head.start_time.map(|start| start.plus_millis(86_400_000)));
    interactions
}

/// Typed · must be found, and nothing else · must not be found although it is close.
type Case = (&'static str, &'static str, &'static str);
const CASES: &[Case] = &[
    // Words: case, forms, all of them required, spread over messages.
    ("refund", "refund refunds", "refurbished typo"),
    ("REFUND", "refund refunds", "refurbished"),
    ("refunding", "refund refunds", "refurbished"),
    ("refund parcel", "refunds", "refund late"),
    ("cancel", "call", ""),
    ("connect", "call", ""),
    ("connection", "call", ""),
    ("deliveries", "late", "refunds"),
    ("late parcel", "late", "refunds split"),
    ("order way", "refund", "refurbished"),
    ("where is it?", "tool", "refund"),
    ("university", "conv:17/ä", ""),
    ("unacceptable", "angry", ""),
    ("help quick", "polite", ""),
    ("refund & parcel", "refunds", "refund"),
    ("late - parcel", "late", "split"),
    ("nothing-that-anybody-said", "", "refund"),
    // Exact forms and phrases, never across messages.
    ("\"refund\"", "refund", "refunds"),
    ("\"refunded\"", "refunds", "refund"),
    ("\"thank you\"", "polite", "split"),
    ("“thank you”", "polite", "split"),
    ("\"you thank\"", "", "polite"),
    ("\"order number\"", "", "split"),
    ("\"much for the quick\"", "polite", ""),
    ("\"very late\"", "late", "split"),
    ("\"of course it is\"", "refund", ""),
    ("\"parcel arrives\"", "late", ""),
    // Near words.
    ("\"parcel tomorrow\"~1", "late", ""),
    ("\"parcel tomorrow\"~0", "", "late"),
    ("\"late delivery\"~2", "", "late"),
    ("\"late delivery\"~3", "late", ""),
    ("\"late late\"~1", "late", "split"),
    ("\"number order\"~50", "", "split"),
    ("\"you late\"~1", "split", "polite"),
    // Beginnings and misspellings.
    ("refu*", "refund refunds refurbished", "typo"),
    ("refunded*", "refunds", "refund"),
    ("\"refund*\"", "refund", "refunds"),
    ("univers*", "conv:17/ä", ""),
    ("55-A*", "refund", "refurbished"),
    ("refnud~1", "refund typo", "refurbished"),
    ("refnud", "typo", "refund"),
    ("disaster~1", "typo", "refund"),
    ("delivary~", "late", ""),
    ("parsel~1", "refunds late", "call"),
    ("zzzzzz~2", "", "refund"),
    // Identifiers, addresses, prices.
    ("order 55-A12", "refund", "refurbished"),
    ("55-a12", "refund", "refurbished"),
    ("A12", "refund", "refurbished"),
    ("12", "refund split", "refurbished"),
    ("transcript:12", "split", "refund"),
    ("E-404", "url", ""),
    ("ada.byron@example.com", "email", "email-parts url"),
    ("example.com", "email url", "email-parts"),
    ("https://shop.example.com/returns?id=7", "url", "email"),
    ("shop.example.com", "url", "email"),
    ("url:https://isp.example/help", "call", "url"),
    ("+49 30 1234567", "email", ""),
    ("19.99 €", "price", "price-other"),
    ("50%", "price", ""),
    ("2.10.3", "price", "price-other"),
    ("conv:17/ä", "conv:17/ä", ""),
    // Languages.
    ("münchen", "german german-plain", ""),
    ("Munchen", "german german-plain", ""),
    ("straße", "german german-plain", ""),
    ("STRASSE", "german german-plain", ""),
    ("rückerstattung", "german", ""),
    ("cafe ete", "french", "spanish"),
    ("CAFÉ", "french", ""),
    ("manana", "spanish", ""),
    ("jalapeno reembolso", "spanish", ""),
    ("istanbul", "turkish", ""),
    ("退款", "chinese", "chinese-return japanese"),
    ("退", "chinese chinese-return", "japanese"),
    ("我 处理", "chinese", "chinese-return"),
    ("iphone15", "chinese-return", "refurbished"),
    ("手机", "chinese-return", "chinese"),
    ("金", "japanese", "chinese"),
    ("カード", "japanese", ""),
    ("환불", "korean", ""),
    ("คืนเงิน", "thai", ""),
    ("धनवापसी", "hindi", ""),
    ("οδοσ", "greek", ""),
    // Emoji.
    ("😡", "angry", "polite"),
    ("\"so much for\"", "polite", ""),
    ("😊 quick", "polite", "angry"),
    // Who said it.
    ("user:sorry", "angry", "refunds"),
    ("assistant:sorry", "refunds", "angry"),
    ("assistant:\"I am sorry\"", "refunds", "angry"),
    ("user:(sorry OR person)", "angry handover", "refunds"),
    ("human:carla", "handover", ""),
    ("carla", "handover", ""),
    ("user:carla", "", "handover"),
    ("tool:shipped", "tool", ""),
    ("shopper", "", "prompt"),
    ("system:shopper", "prompt", ""),
    ("user:parcel assistant:sorry", "refunds", "late"),
    ("topic:request", "refund", "refunds"),
    ("request", "refund", ""),
    ("transcript:request", "", "refund"),
    ("hamburg", "late", ""),
    ("summary:waiting", "late", ""),
    ("keywords:\"parcel tracking\"", "late", "refunds"),
    // Either, neither.
    ("refunded OR cancelled", "refund refunds call", "typo"),
    ("(late OR sorry) parcel", "refunds late", "split angry"),
    ("refund -parcel", "refund", "refunds"),
    ("late NOT parcel", "split", "late"),
    ("order -55 -number", "typo tool", "refund refurbished split"),
    ("sorry -(refund OR parcel)", "angry", "refunds"),
    ("refund NOT (csat:<=1 OR country:Spain)", "refund", "refunds"),
    // Whole values.
    ("country:germany", "refund late", "refunds"),
    ("country:(Germany OR France) refund", "refund refunds", "late"),
    ("agent:\"ada l\"", "refund", "refunds polite"),
    ("agent:Ada*", "refund refunds polite", "late"),
    ("sentiment:negative -country:France", "refund", "refunds"),
    ("type:voice_call", "call", "refund"),
    ("status:transferred", "call", "handover"),
    ("language:de", "german", "german-plain"),
    ("metadata.plan:pro", "refund", "refunds"),
    ("metadata.plan:*", "refund refunds", "polite"),
    ("metadata.seats:>5", "refund", "polite"),
    ("id:polite", "polite", ""),
    // Ranges and what is missing.
    ("csat:<=2", "refund refunds", "late"),
    ("csat:[3 TO 5}", "late", "polite refund"),
    ("csat:* -csat:<5", "polite", "late"),
    ("refund -csat:*", "", "refund"),
    ("parcel -rating:*", "refunds late", "polite"),
    ("rating:5", "polite", "late"),
    ("duration:>=5m", "handover call", "refund"),
    ("duration:>5m", "call", "handover"),
    ("duration:{300 TO 400}", "", "handover call"),
    ("total_costs:>0.05", "refunds polite", "refund"),
    ("total_costs:[0.05 TO 0.1]", "refund refunds", "polite"),
    ("sorry start_time:2026-05-01", "refunds", "angry"),
    ("sorry start_time:>2026-05-01", "angry", "refunds"),
    ("sorry start_time:<=2026-05-02", "refunds angry", ""),
    ("messages_count:0", "empty", "prompt"),
    // Everything combined.
    (
        "user:refund* -\"thank you\" country:(Germany OR France) csat:<=2 duration:<1m",
        "refund refunds",
        "late polite",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_support_lead_types_finds_what_they_mean_and_nothing_else() {
    let world = World::new(&interactions());
    let known: BTreeSet<&str> = SAID.iter().map(|(id, ..)| *id).collect();
    let names =
        |text: &'static str| -> BTreeSet<&str> { text.split(' ').filter(|id| !id.is_empty()).collect() };
    let mut wrong = Vec::new();
    for (typed, found, near) in CASES {
        let (found, near) = (names(found), names(near));
        assert!(
            found.union(&near).all(|id| known.contains(id)),
            "`{typed}` names an interaction that is not there"
        );
        assert!(found.is_disjoint(&near), "`{typed}` wants and does not want the same");
        let answer = world.get(&format!("/v1/interactions?limit=100&q={}", encoded(typed))).await;
        if answer.status != 200 {
            wrong.push(format!("{typed}: {}", answer.text()));
            continue;
        }
        let ids = answer.ids();
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        if ids != found {
            wrong.push(format!("{typed}: found {ids:?}, wanted {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}
