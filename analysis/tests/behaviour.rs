//! What a reader of an interaction notices: language, topic, keywords, summary and satisfaction, in
//! hand-written conversations.
#![allow(clippy::unwrap_used)]

use hearken_analysis::{Analysis, Analyzer, Conversation, Memo, Taxonomy, TaxonomyError, Utterance};
use hearken_model::{Assessment, Role, Sentiment, Status};

/// One message per line: `u`, `a`, `h`, `s` or `t`, a colon, the text.
fn analyze_whole(status: Status, language: Option<&str>, analyzer: &Analyzer, script: &str) -> Analysis {
    let utterances: Vec<Utterance<'_>> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let (who, text) = line.split_once(": ").unwrap();
            let role = match who {
                "u" => Role::User,
                "a" => Role::Assistant,
                "h" => Role::Human,
                "s" => Role::System,
                "t" => Role::Tool,
                other => panic!("unknown speaker `{other}`"),
            };
            Utterance { id: text, role, text, at_ms: 0, given_mood: None }
        })
        .collect();
    let conversation = Conversation {
        utterances: &utterances,
        status,
        ended: !matches!(status, Status::InProgress | Status::Abandoned),
        end_reason: None,
        language,
    };
    analyzer.analyze(&conversation, &mut Memo::default())
}

fn whole(script: &str) -> Analysis {
    analyze_whole(Status::Finished, None, &Analyzer::built_in(), script)
}

fn analyze_as(status: Status, language: Option<&str>, analyzer: &Analyzer, script: &str) -> Assessment {
    analyze_whole(status, language, analyzer, script).assessment
}

fn analyze(script: &str) -> Assessment {
    analyze_as(Status::Finished, None, &Analyzer::built_in(), script)
}

const FLIGHT: &str = "
    a: Welcome to Contoso Airlines, how can I help you?
    u: Hi there! I booked a flight to Paris for Monday and I need to change my aisle seat to a window seat.
    a: Sure. May I have your booking reference, please?
    u: It is KX7 22P.
    a: One moment, please.
    a: Your seat has been changed to 14A, a window seat.
    u: Perfect, thank you so much!
    a: You are welcome. Have a nice day!";

const ANGRY: &str = "
    u: Where is my order? It was supposed to arrive last week and it still hasn't arrived.
    a: I'm sorry, I didn't understand. Could you rephrase that?
    u: My package never arrived! Where is my order?
    a: I'm sorry, I can't find that order.
    u: I already told you, I have no order number. This is ridiculous and a waste of time.
    a: Unfortunately I cannot help without an order number.
    u: Useless. Let me speak to a real person, you are the worst.";

#[test]
fn language_is_detected_where_there_is_evidence_and_left_open_where_there_is_none() {
    for (text, expected) in [
        ("where is my order", Some("en")),
        ("i wants to book a ticket for flight", Some("en")),
        ("Wo ist meine Bestellung?", Some("de")),
        ("Ich möchte eine Pizza bestellen", Some("de")),
        ("Où est ma commande ?", Some("fr")),
        ("¿Dónde está mi pedido?", Some("es")),
        ("Vorrei prenotare un tavolo per due", Some("it")),
        ("Gostaria de saber onde está o meu pedido", Some("pt")),
        ("Waar is mijn bestelling?", Some("nl")),
        ("Var är min beställning? Den har inte kommit", Some("sv")),
        ("Gdzie jest moje zamówienie?", Some("pl")),
        ("Siparişim nerede? Daha gelmedi", Some("tr")),
        ("Где мой заказ? Он ещё не пришёл", Some("ru")),
        ("Де моє замовлення? Воно ще не прийшло", Some("uk")),
        ("मेरा ऑर्डर कहाँ है?", Some("hi")),
        ("mera order kahan hai, mujhe abhi chahiye", Some("hi-Latn")),
        ("我的订单在哪里？", Some("zh")),
        ("好的，谢谢", Some("zh")),
        ("注文はどこですか？", Some("ja")),
        ("주문이 어디에 있나요?", Some("ko")),
        ("أين طلبي؟ لم يصل حتى الآن", Some("ar")),
        ("سفارش من کجاست؟ هنوز نرسیده است", Some("fa")),
        ("คำสั่งซื้อของฉันอยู่ที่ไหน", Some("th")),
        ("Πού είναι η παραγγελία μου;", Some("el")),
        ("איפה ההזמנה שלי?", Some("he")),
        ("ok", None),
        ("ok thanks", None),
        ("no", None),
        ("Tom", None),
        ("KX7 22P", None),
        ("12345", None),
        ("👍👍", None),
        ("", None),
    ] {
        let utterances = [Utterance { id: "1", role: Role::User, text, at_ms: 0, given_mood: None }];
        let analysis = Analyzer::built_in().analyze(
            &Conversation {
                utterances: &utterances,
                status: Status::InProgress,
                ended: false,
                end_reason: None,
                language: None,
            },
            &mut Memo::default(),
        );
        assert_eq!(analysis.language.as_deref(), expected, "{text}");
    }
}

#[test]
fn rarer_languages_are_named_when_there_is_enough_text() {
    let estonian = "u: Tere, ma sooviksin teada, millal minu tellimus kohale jõuab, sest ootan seda juba kaks nädalat ja \
                    keegi ei ole mulle vastanud. Palun andke mulle võimalikult kiiresti teada.";
    assert_eq!(whole(estonian).language.as_deref(), Some("et"));
}

/// Languages that a short message cannot tell apart.
const LIKE_EACH_OTHER: [(&str, &str); 2] = [("da", "nb"), ("sr", "mk")];

#[test]
fn short_messages_get_their_language_or_none() {
    let analyzer = Analyzer::built_in();
    let (mut right, mut wrong, mut none) = (0, Vec::new(), Vec::new());
    let texts = include_str!("short_texts.txt").lines().filter(|line| !line.starts_with('#'));
    for (expected, text) in texts.map(|line| line.split_once(": ").unwrap()) {
        let analysis = analyze_whole(Status::InProgress, None, &analyzer, &format!("u: {text}"));
        match analysis.language.as_deref() {
            Some(language) if language == expected => right += 1,
            Some(language) => wrong.push((expected, language.to_owned(), text)),
            None => none.push((expected, text)),
        }
    }
    eprintln!("{right} right, {} wrong, {} without an answer", wrong.len(), none.len());
    none.iter().for_each(|(expected, text)| eprintln!("  none for {expected}: {text}"));
    wrong.iter().for_each(|(expected, found, text)| eprintln!("  {found} for {expected}: {text}"));
    wrong.retain(|(expected, found, _)| {
        let pair = (*expected, found.as_str());
        !LIKE_EACH_OTHER.iter().any(|(a, b)| pair == (*a, *b) || pair == (*b, *a))
    });
    assert_eq!(wrong, []);
    assert!(right >= 150, "{right}");
}

#[test]
fn the_customer_decides_the_language() {
    let analysis = whole(
        "a: Hello, how can I help you today? Please tell me what you are looking for and I will find it for you.
         u: Ich suche ein günstiges Hotel in der Stadtmitte.
         a: There are three hotels in the centre of town. Would you like me to book one of them for you?",
    );
    assert_eq!(analysis.language.as_deref(), Some("de"));
}

#[test]
fn a_language_given_upstream_is_kept() {
    let analysis = analyze_whole(Status::Finished, Some("de-AT"), &Analyzer::built_in(), FLIGHT);
    assert_eq!(analysis.language.as_deref(), Some("de-AT"));
}

#[test]
fn topics_are_found_in_several_languages() {
    for (text, expected) in [
        ("Where is my order? The tracking page says nothing", "Order status & delivery"),
        ("I want my money back for the shoes I sent back", "Refund"),
        ("I was charged twice on my last bill", "Billing & payments"),
        ("I forgot my password and cannot log in", "Account access"),
        ("my card was stolen yesterday", "Lost or stolen card"),
        ("can i get an aisle seat please", "Seats, check-in & baggage"),
        ("I'd like a large pepperoni pizza and a coke", "Food & drink order"),
        ("book a table for two at an Italian place tonight", "Restaurant booking"),
        ("my laptop screen is cracked", "Device problems"),
        ("the internet at home is down again", "Connection problems"),
        ("I need to see a dentist, can you book an appointment", "Appointments"),
        ("Wo bleibt mein Paket?", "Order status & delivery"),
        ("Ich habe mein Passwort vergessen", "Account access"),
        ("Je voudrais un remboursement", "Refund"),
        ("Je voudrais réserver une chambre d'hôtel", "Hotel booking"),
        ("Quiero cancelar mi suscripción", "Subscription & plan"),
        ("Vorrei prenotare un volo per Roma", "Flight booking"),
        ("我想退款", "Refund"),
        ("我要订一个酒店", "Hotel booking"),
        ("パスワードを忘れました", "Account access"),
        ("환불을 받고 싶어요", "Refund"),
    ] {
        let analysis = analyze(&format!("u: {text}"));
        assert_eq!(analysis.topic.as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn stray_words_make_no_topic() {
    let camping = analyze(
        "a: Hello, I think that I should take all the firewood, water and you can take 2 of the food items.
         u: Hello, I do not think that is a fair deal, I think that I should get 2 of the water and 1 of the food items.
         a: What about I take all of the firewood and you take 1 water and 1 food.
         u: It is also hard for me to get firewood, so that I can boil more water, I will take only 1 water and 2 food.
         a: I will take 3 waters and 3 firewood and you can have all the food. I can get my own food.
         u: Since you can get your own food you could get your own water too, so I should get 2 food 2 firewood and 2 water.
         a: I am willing to give you all the food and two waters.
         u: I agree on me getting 2 waters, I think that I should get two food since you can get your own.
         a: In all fairness I let you get 3 foods, 1 water, and no firewood. I think that this deal will work.
         u: I will agree on getting all of the water and food, and no firewood.",
    );
    assert_eq!(camping.topic.filter(|topic| topic.contains('&') || topic.contains("ooking")), None);
}

#[test]
fn chit_chat_has_no_topic() {
    for text in ["hi", "ok thanks", "yes please", "KX7 22P", "my name is Tom"] {
        assert_eq!(analyze(&format!("u: {text}")).topic, None, "{text}");
    }
}

#[test]
fn where_no_topic_fits_a_repeated_phrase_stands_for_it() {
    let analysis = analyze(
        "u: Do you sell sourdough starter?
         a: Yes, our sourdough starter is fresh every morning.
         u: How do I feed a sourdough starter?",
    );
    assert_eq!(analysis.topic.as_deref(), Some("Sourdough starter"));
}

#[test]
fn an_operators_taxonomy_replaces_the_default() {
    let taxonomy = Taxonomy::from_toml(
        r#"
        [[topic]]
        name = "Harbour berths"
        examples = ["book a berth", "mooring", "Liegeplatz"]
        [[topic]]
        name = "Boat repair"
        examples = ["repair my boat", "engine broken"]
        "#,
    )
    .unwrap();
    let analyzer = Analyzer::with_taxonomy(taxonomy);
    for (text, expected) in [
        ("u: I would like to book a berth for my yacht", Some("Harbour berths")),
        ("u: Haben Sie noch einen Liegeplatz frei?", Some("Harbour berths")),
        ("u: my engine is broken", Some("Boat repair")),
        ("u: I want a refund", None),
    ] {
        let analysis = analyze_as(Status::InProgress, None, &analyzer, text);
        assert_eq!(analysis.topic.as_deref(), expected, "{text}");
    }
}

#[test]
fn an_unusable_taxonomy_says_what_is_wrong() {
    for (text, expected) in [
        ("[[topic]\nname = 1", "line 1"),
        ("[[topic]]\nname = \"A\"\nexample = [\"b\"]", "example"),
        ("[[topic]]\nname = \" \"\nexamples = [\"b\"]", "needs a name"),
        ("[[topic]]\nname = \"A\"\nexamples = [\"?!\"]", "`A`"),
        ("[[topic]]\nname = \"A\"\nexamples = [\"what to do\"]", "`A`"),
    ] {
        let error: TaxonomyError = Taxonomy::from_toml(text).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert!(Taxonomy::built_in().topics.len() > 40);
}

#[test]
fn keywords_are_phrases_without_boilerplate() {
    let keywords = analyze(FLIGHT).keywords.unwrap();
    assert!(keywords.iter().any(|keyword| keyword == "window seat"), "{keywords:?}");
    let all = keywords.join("|").to_lowercase();
    for boilerplate in ["thank", "help", "welcome to", "moment", "nice day", "please", "sure"] {
        assert!(!all.contains(boilerplate), "{keywords:?}");
    }
    assert!(analyze("u: hi\na: hello, how can I help you?\nu: thanks, bye").keywords.is_none());
}

#[test]
fn how_a_bot_introduces_itself_is_no_keyword() {
    let keywords = |greeting: &str| {
        let script = format!("a: {greeting}\nu: I want to move my window seat.\na: Which window seat is it?");
        analyze(&script).keywords.unwrap().join("|").to_lowercase()
    };
    for greeting in
        ["Umbra Travel, Iris speaking, your virtual agent.", "I am your digital assistant for travel."]
    {
        let found = keywords(greeting);
        assert!(
            found.contains("window seat") && !found.contains("virtual") && !found.contains("digital"),
            "{found}"
        );
    }
}

#[test]
fn keywords_are_lower_case_unless_they_are_names() {
    let keywords = analyze(
        "u: Gift vouchers from Contoso Market do not work. Gift vouchers are useless.
         a: Are the gift vouchers from Contoso Market in Berlin?",
    )
    .keywords
    .unwrap();
    assert!(keywords.iter().any(|keyword| keyword == "gift vouchers"), "{keywords:?}");
    assert!(keywords.iter().any(|keyword| keyword == "Contoso Market"), "{keywords:?}");
}

#[test]
fn japanese_keywords_are_compounds_between_the_endings() {
    let keywords = analyze(
        "u: 会員カードの暗証番号を忘れました。\na: 暗証番号の再設定ですね。\nu: はい、暗証番号です。",
    )
    .keywords
    .unwrap();
    assert_eq!(keywords, ["暗証番号", "会員カード"]);
}

#[test]
fn the_summary_tells_what_was_asked_what_was_done_and_how_it_ended() {
    let summary = analyze(FLIGHT).summary.unwrap();
    assert_eq!(
        summary,
        "The customer asked: I booked a flight to Paris for Monday and I need to change my aisle seat to a window seat. \
         – The agent: Your seat has been changed to 14A, a window seat. – The customer: Perfect, thank you so much!"
    );
}

#[test]
fn a_running_conversation_has_no_ending_in_its_summary() {
    let script = "u: I lost my credit card, can you block it?\na: Your card has been blocked.\nu: Thank you!";
    let running = analyze_as(Status::InProgress, None, &Analyzer::built_in(), script);
    assert_eq!(
        running.summary.unwrap(),
        "The customer asked: I lost my credit card, can you block it? – The agent: Your card has been blocked."
    );
    let finished = analyze(script).summary.unwrap();
    assert!(finished.ends_with("– The customer: Thank you!"), "{finished}");
}

#[test]
fn too_little_text_has_no_summary() {
    for script in
        ["", "u: hi", "u: ok\na: Hello, how can I help you today?", "a: Your order has been shipped."]
    {
        assert_eq!(analyze(script).summary, None, "{script}");
    }
}

#[test]
fn long_sentences_are_cut_at_a_word() {
    let long = format!("u: I need a refund for {}", "the blue shoes that I bought and never got ".repeat(30));
    let summary = analyze(&long).summary.unwrap();
    assert!(summary.len() < 170 && summary.ends_with('…'), "{summary}");
    let before = summary.trim_start_matches("The customer asked: ").trim_end_matches('…');
    assert!(long.contains(&format!("{before} ")), "{summary}");
}

#[test]
fn satisfaction_tells_good_conversations_from_bad_ones() {
    let good = analyze(FLIGHT);
    let bad = analyze(ANGRY);
    assert!(good.csat.unwrap() >= 4, "{good:?}");
    assert_eq!(bad.csat, Some(1), "{bad:?}");
    let (good, bad) = (good.csat_description.unwrap(), bad.csat_description.unwrap());
    assert!(good.starts_with("Very satisfied: ") || good.starts_with("Satisfied: "), "{good}");
    assert!(
        good.contains("something was completed") && bad.starts_with("Very dissatisfied: "),
        "{good} {bad}"
    );
}

#[test]
fn every_sign_moves_satisfaction_in_its_direction() {
    // The conversation before and after the one line that makes the difference.
    let csat = |status, script: &str| analyze_as(status, None, &Analyzer::built_in(), script).csat.unwrap();
    let asked = "u: Can you tell me the opening hours of the shop in the main street?\n";
    let answered = format!("{asked}a: It opens at nine in the morning and closes at six.\n");
    let told = |line: &str| csat(Status::Finished, &format!("{answered}{line}"));
    assert!(told("u: Great, thank you, that solved it!") > told("u: It opens at ten, I was there."));
    assert!(told("u: That is wrong again, this is useless.") < told("u: And on the weekend?\na: The same."));
    assert!(told("u: Let me talk to a human, I want to file a complaint.") < told("u: Alright, see you."));
    let again = "u: I need the invoice for my broken washing machine from September.\na: Here you are.\n";
    assert!(
        told(&format!("{again}u: I need the invoice for my broken washing machine from September!"))
            < told(&format!("{again}u: And the contract for the yellow bicycle that arrived in spring."))
    );
    let went_on = format!("{answered}u: I see, at nine then.");
    assert!(csat(Status::Failed, &went_on) < csat(Status::Finished, &went_on));
    assert!(
        csat(Status::Abandoned, &format!("{answered}u: And is it open on Sunday?"))
            < csat(Status::Finished, &went_on)
    );
}

#[test]
fn satisfaction_is_whether_people_got_what_they_came_for_and_how_often_they_had_to_ask() {
    let csat = |script: &str| analyze(script).csat.unwrap();
    let served = "u: I need a table for two on Friday evening at an Italian restaurant.
         a: Da Luigi has one at seven. Shall I book it?
         u: Yes, that sounds good.
         a: It has been booked, the reference number is K77.
         u: Great, thank you so much!";
    let refused = "u: I need a table for two on Friday evening at an Italian restaurant.
         a: I'm sorry, there are no Italian restaurants. Would you like Chinese food?
         u: No, I don't want that. Is there any Italian restaurant on Friday evening?
         a: Unfortunately I couldn't find an Italian restaurant. Would you like Chinese food?
         u: No. An Italian restaurant, a table for two!
         a: I'm sorry, there are none.";
    assert!(csat(served) >= 4, "{:?}", analyze(served).csat_description);
    assert!(csat(refused) <= 2, "{:?}", analyze(refused).csat_description);
    let why = analyze(refused).csat_description.unwrap();
    assert!(
        why.contains("repeat") || why.contains("turned offers down") || why.contains("could not help"),
        "{why}"
    );

    // A "no" to a further question does not undo the booking.
    let asked_on = format!(
        "{served}\na: My pleasure.\nu: Do they have a garden?\na: No, I'm afraid there is no garden.\nu: OK, thanks, bye"
    );
    let why = analyze(&asked_on).csat_description.unwrap();
    assert!(csat(&asked_on) >= 3 && !why.contains("nothing was completed"), "{why}");

    // Sympathy is not an apology.
    let why = |script: &str| analyze(script).csat_description.unwrap();
    let felt = "u: My phone broke yesterday and I need a new one quickly please.
         a: I'm sorry to hear that. Which model is it?
         u: It is the small blue one from last year.
         a: I see.";
    assert!(!why(felt).contains("apologise"), "{}", why(felt));
}

#[test]
fn what_a_message_answers_decides_how_it_is_meant() {
    // An unsuitable offer is refused; nothing has failed.
    let flights = "u: I need flight tickets for four people to Portland on Monday.
         a: I found two flights. How about American Airlines at seven?
         u: No, that doesn't work.";
    let refused = analyze(&format!("{flights}\na: What about United?\nu: Fine, that is all for now."));
    let why = refused.csat_description.unwrap();
    assert!(!why.contains("failure") && !why.contains("problem"), "{why}");

    // Leaving the choice to the agent is no complaint.
    let tables = "u: I would like to book a table in the centre for two people.
         a: What price range are you looking for?
         u: I don't care.
         a: La Raza has a table at seven, and it is booked for you.
         u: Thank you!";
    let calm = whole(tables);
    assert_eq!(calm.messages[2].unwrap().sentiment, Sentiment::Neutral);
    let rude =
        whole("a: Your order is late.\nu: I don't care, this is ridiculous, I want my money back now!");
    assert_eq!(rude.messages[1].unwrap().sentiment, Sentiment::Negative);

    // A complaint that was resolved before the next question is no longer there at the end.
    let waiting = "u: Which train goes to London on Saturday?
         a: The TR2025 at ten.
         u: I am still waiting for the price, that is not working for me.
         a: It costs 14 pounds.
         u: Does the train take bicycles?
         a: Folding ones only.
         u: Thank you, that will be all for today!";
    let why = analyze(waiting).csat_description.unwrap();
    assert!(!why.contains("still there at the end"), "{why}");

    // A negated "has been" completes nothing.
    let cancelled = "u: I would like to cancel the latte that I have just ordered here.
         a: I'm having trouble with that. But the order hasn't been sent to the bar yet.
         u: Then cancel it please.";
    let why = analyze(cancelled).csat_description.unwrap();
    assert!(!why.contains("something was completed"), "{why}");
    let booked = "u: I would like to book a table for two people on Friday evening, please.
         a: Why not? It is booked.
         u: Thank you so much!";
    let why = analyze(booked).csat_description.unwrap();
    assert!(why.contains("something was completed"), "{why}");
}

#[test]
fn who_got_something_and_gives_thanks_without_a_complaint_is_not_dissatisfied() {
    let refused = "u: Are there any restaurants that serve New Zealand food?
         a: I'm afraid there are none.
         u: Can you find any Chinese restaurants in the centre for four at seven on Saturday?
         a: I'm afraid none of the restaurants are available at that time.
         u: Chinese restaurants in the centre for four at seven on Saturday, are there any?
         a: I'm sorry, I'm afraid there are none.
         u: Can you try six instead?
         a: I'm sorry, there is no table at six. Unfortunately there is none at five.
         u: Are there high chairs for babies?
         a: I'm afraid child seating is not available.";
    let csat = |ending: &str| analyze(&format!("{refused}\n{ending}")).csat.unwrap();
    assert!(csat("u: Then that is all I need, thanks.") <= 2);
    assert_eq!(csat("a: I booked you a table at eight.\nu: That is all I need, thanks."), 3);
}

#[test]
fn wishes_and_questions_in_chinese_are_no_mood() {
    let mood = |text: &str| whole(&format!("u: {text}")).messages[0].map(|judged| judged.sentiment);
    for wish in ["有的，最好是消费在150-500元之间的，这家店可以么？", "晚上我希望可以吃到牛里脊，有哪家店？"]
    {
        assert_ne!(mood(wish), Some(Sentiment::Positive), "{wish}");
    }
    assert_ne!(mood("厦门的紫外线是不是很厉害呀？"), Some(Sentiment::Negative));
    assert_eq!(mood("最好的酒店，非常满意"), Some(Sentiment::Positive));
}

#[test]
fn polite_words_after_a_lost_cause_please_nobody() {
    let lost = analyze(
        "u: My son gets round the parental controls again, it is really disappointing.
         a: I'm sorry. Would you like another app?
         u: No, we have spent so much time on this, I am very frustrated with it.
         a: I apologise, I will make a note.
         u: Thank you. I appreciate your willingness to help, even though we haven't gotten anywhere yet.",
    );
    assert_eq!(lost.sentiment, Some(Sentiment::Negative), "{lost:?}");
    assert!(lost.csat.unwrap() <= 2, "{lost:?}");
}

#[test]
fn questions_of_one_form_repeat_nothing_in_chinese_either() {
    let asked = analyze(
        "u: 你好，我想找一家评分4.5分以上的餐馆。\na: 推荐您去密云印象。\nu: 餐馆的电话是多少啊？\na: 电话是69012385。
         u: 餐馆的地址是在哪里啊？\na: 地址是在溪翁庄七孔桥西。\nu: 餐馆的评分是多少啊？\na: 评分是4.6分。\nu: 好的。",
    );
    let why = asked.csat_description.unwrap_or_default();
    assert!(!why.contains("repeat"), "{why}");
}

#[test]
fn a_quotation_holds_words_and_whole_numbers() {
    let quoted = |script: &str| analyze(script).sentiment_description.unwrap();
    let deal = quoted("u: Please submit the deal.🙂");
    assert!(deal.contains("submit the deal"), "{deal}");
    let rated = quoted("u: I love the one with 4.5 stars, it is wonderful\na: Fine.\nu: Book it.");
    assert!(rated.contains("4.5 stars"), "{rated}");
}

#[test]
fn satisfaction_and_mood_never_contradict_each_other() {
    // The call ends well: no reason may speak of a bad end, and the customer is not dissatisfied.
    let rescued = analyze(
        "u: This is ridiculous, my internet is broken again and nobody helps me
         a: I am sorry about that. I have reset the line, could you look again?
         u: still not working, this is useless
         a: Could you restart the router once more please?
         u: yes that worked now
         u: okay, thank you very much, that is great",
    );
    let csat_description = rescued.csat_description.unwrap();
    assert!(!csat_description.contains("still there"), "{csat_description}");
    assert!(!csat_description.contains("bad mood"), "{csat_description}");
    assert!(rescued.sentiment_description.unwrap().contains("ended on a positive note"));

    // A sad film is not bad service.
    let films = analyze(
        "u: I hated that movie, the ending was terrible and the characters were awful
         a: Which film did you like instead?
         u: Nothing lately, the last films I saw were sad and depressing, horrible actors
         a: I see. Could you tell me more about the plot?
         u: the plot was a disaster and the movie was boring",
    );
    assert!(films.csat.is_none_or(|csat| csat >= 3), "{films:?}");

    // Thanks for an answer are courtesy, not joy.
    let polite = analyze(
        "u: I need a train from Cambridge to London on Friday
         a: At which time?
         u: I want to leave after nine in the morning
         a: TR1234 leaves at ten. Shall I book it?
         u: Yes, for two people
         a: It is booked, the reference is ABC123.
         u: Thank you, that is all I need. Bye",
    );
    assert_eq!(polite.sentiment, Some(Sentiment::Neutral), "{polite:?}");
}

#[test]
fn a_mood_that_upstream_gives_wins_in_every_verdict() {
    let said = |role, text, given_mood| Utterance { id: text, role, text, at_ms: 0, given_mood };
    let angry = Some((Sentiment::Negative, Some(-0.9)));
    let utterances = [
        said(Role::User, "I would like to know where my parcel is at the moment", angry),
        said(Role::Assistant, "It is on its way and will be with you tomorrow.", None),
        said(Role::User, "that is what you said the day before yesterday", Some((Sentiment::Negative, None))),
    ];
    let conversation = Conversation {
        utterances: &utterances,
        status: Status::Finished,
        ended: true,
        end_reason: None,
        language: None,
    };
    let analysis = Analyzer::built_in().analyze(&conversation, &mut Memo::default()).assessment;
    assert_eq!(analysis.sentiment, Some(Sentiment::Negative), "{analysis:?}");
    assert!(analysis.csat.unwrap() <= 2, "{analysis:?}");
}

#[test]
fn the_producers_reason_for_the_end_counts() {
    let utterances = [
        (Role::User, "Can you tell me the opening hours of the shop in the main street?"),
        (Role::Assistant, "It opens at nine in the morning and closes at six."),
        (Role::User, "I see, at nine then."),
    ]
    .map(|(role, text)| Utterance { id: text, role, text, at_ms: 0, given_mood: None });
    let analyze = |end_reason| {
        let conversation = Conversation {
            utterances: &utterances,
            status: Status::Finished,
            ended: true,
            end_reason: Some(end_reason),
            language: None,
        };
        Analyzer::built_in().analyze(&conversation, &mut Memo::default()).assessment
    };
    let (good, bad) = (analyze("customer-ended-call"), analyze("assistant-error"));
    assert!(bad.csat.unwrap() < good.csat.unwrap());
    assert!(bad.csat_description.unwrap().contains("failed"));
}

#[test]
fn satisfaction_needs_both_sides_and_ten_words() {
    for script in [
        "u: I am very unhappy with all of this and I want my money back now",
        "a: Hello and welcome to our service, how can I help you today?",
        "u: hi there\na: Hello, welcome.",
        "u: this is a long message to nobody but the system and the tool\ns: noted\nt: {\"ok\": true}",
    ] {
        let analysis = analyze(script);
        assert_eq!((analysis.csat, &analysis.csat_description), (None, &None), "{script}");
    }
    let person = "u: I am very unhappy with all of this and want my money back\nh: I see.";
    assert!(analyze(person).csat.is_some());
}

#[test]
fn who_has_not_reacted_to_an_answer_may_be_dissatisfied_but_never_satisfied() {
    let asked = "u: Could you tell me when my parcel with the blue shoes is going to arrive?";
    for script in [
        format!("{asked}\na: It arrives tomorrow between nine and eleven in the morning."),
        format!("u: Hello there\n{asked}\na: Your parcel has been sent and arrives tomorrow."),
    ] {
        assert_eq!(analyze(&script).csat, None, "{script}");
    }
    let asking = format!("a: Hello, how can I help you today?\n{asked}");
    assert_eq!(analyze_as(Status::InProgress, None, &Analyzer::built_in(), &asking).csat, None);
    let failed = analyze_as(Status::Failed, None, &Analyzer::built_in(), &format!("{asked}\na: One moment."));
    assert_eq!(failed.csat_description.as_deref(), Some("Dissatisfied: it failed."), "{failed:?}");
    let answered = analyze(&format!("{asked}\na: It arrives tomorrow.\nu: Perfect, thank you so much!"));
    assert!(answered.csat.unwrap() >= 4, "{answered:?}");
}

#[test]
fn a_phrase_inside_a_longer_one_does_not_count() {
    let reasons = |closing: &str| {
        let script = format!(
            "u: I need the opening hours of the shop in the main street.
             a: It opens at nine and closes at six. Anything else?
             u: {closing}"
        );
        analyze(&script).csat_description.unwrap()
    };
    for thanks in ["Thank you.", "No, thank you so much!", "No, thanks for your help."] {
        assert!(reasons(thanks).contains("gave thanks"), "{thanks} {}", reasons(thanks));
    }
    for none in ["No thanks.", "No, thank you.", "Nein danke", "No gracias"] {
        assert!(!reasons(none).contains("gave thanks"), "{none} {}", reasons(none));
    }
    for cold in ["I am not happy with that.", "That was not helpful.", "Have a great day"] {
        assert!(!reasons(cold).contains("warm"), "{cold} {}", reasons(cold));
    }
}

#[test]
fn a_no_inside_a_sentence_refuses_nothing() {
    let reasons = |first: &str, second: &str| {
        let script = format!(
            "u: I need a hotel in the south of the town for two nights.
             a: Would you like one with three stars?
             u: {first}
             a: Would you like one with breakfast?
             u: {second}
             a: I am looking for one."
        );
        analyze(&script).csat_description.unwrap()
    };
    assert!(reasons("No, with four.", "No.").contains("turned offers down"));
    let why = reasons("I have no preference.", "There is no need for it.");
    assert!(!why.contains("turned offers down"), "{why}");
}

#[test]
fn a_reason_is_named_only_where_a_reader_would_see_it() {
    let why = |script: &str| analyze(script).csat_description.unwrap_or_default();
    let bad_news = why("u: I need a train to Ely on Monday, leaving after ten.
         a: Unfortunately the last one leaves at nine. Me too, unfortunately.
         u: And on Tuesday?
         a: There is one at noon, it costs 4 pounds.
         u: Fine, that is what I needed.");
    assert!(!bad_news.contains("apologised") && !bad_news.contains("possible"), "{bad_news}");
    let praise = why("u: I had a complaint last year, and my problem was resolved in a friendly manner.
         a: I am glad to hear that. What can I do for you today?
         u: However, I think your billing could be clearer. Another suggestion is a discount.
         a: I will note that down for our team.
         u: I appreciate it, thank you for listening.");
    assert!(!praise.contains("complained formally") && !praise.contains("objected"), "{praise}");
    let conditional = why("u: Can I get my money back for this ticket if my plans change?
         a: There is a fee of 12 pounds unless the train is cancelled.
         u: Good to know.");
    assert!(!conditional.contains("completed"), "{conditional}");
    let corrected = why("u: Book a room from the 6th to the 8th of March please.
         a: One room from the 6th to the 9th, is that right?
         u: No, that's not right. Check-out is on the 8th.
         a: Your room has been booked from the 6th to the 8th.
         u: I no longer need your services now.");
    assert!(!corrected.contains("still there"), "{corrected}");
    // An answer in another language is one.
    let understood = why("u: Cerco un ristorante economico. Nessuno di loro nella parte nord della città?
         a: Da Vinci Pizzeria is inexpensive Italian food on the north side. Would you like the address?
         u: Sì, l'indirizzo per favore.
         a: It is at 20 Milton Road.
         u: Grazie!");
    assert!(!understood.contains("question"), "{understood}");
    let asked_again = why("u: What does the premium tariff cost per month?
         a: Would you like a new telephone today?
         u: No. What does the premium tariff cost per month?
         a: Do you live in the city centre?
         u: Goodbye.");
    assert!(asked_again.contains("asked again") || asked_again.contains("repeat"), "{asked_again}");
}

#[test]
fn nobody_is_dissatisfied_over_trifles() {
    let trifles = analyze(
        "u: Hi, I would like three firewoods please, and one of either food or water, your choice.
         a: I think we should split the gear evenly.
         u: If I take three firewoods and one of something else, you get five. I think that is fair.
         a: What are your most important items?
         u: Firewood, what about you?
         a: Me too unfortunately.
         u: Well in that case you can have all the firewood if I can have all the water.",
    );
    assert!(trifles.csat.unwrap() >= 3, "{:?}", trifles.csat_description);
}

#[test]
fn who_was_told_what_they_asked_in_the_end_is_not_dissatisfied() {
    let told = analyze(
        "u: Gibt es hier in der Nähe ein Grillrestaurant?
         a: I'm sorry, there are no barbecue places in the city. Is there another type of food you would like?
         u: Ich interessiere mich für portugiesisches Essen.
         a: Sure, nandos in the south, and its phone number is 01223 327908.
         u: Die Preisklasse ist mir egal.",
    );
    assert!(told.csat.unwrap() >= 3, "{:?}", told.csat_description);
}

#[test]
fn a_question_is_no_low_point() {
    let mood = analyze(
        "u: I need a table for three at a restaurant in the centre.
         a: The Ugly Duckling has one at 18:00.
         u: Is there any outdoor seating at the Ugly Duckling?
         a: No, there is none. Shall I book it?
         u: Great, thank you so much, that was really helpful!",
    )
    .sentiment_description
    .unwrap();
    assert!(!mood.contains("low point"), "{mood}");
}

#[test]
fn an_order_has_no_mood_of_its_own() {
    let whole = |script: &str| analyze(script).sentiment;
    let order = "u: I'd like a single shot dirty chai with oat milk.\na: Coming up.";
    assert_eq!(whole(order), Some(Sentiment::Neutral));
    let polite = "u: Vorrei gentilmente l'indirizzo e il numero di telefono. Grazie!\na: 01223 362525.\nu: Grazie, arrivederci.";
    assert_eq!(whole(polite), Some(Sentiment::Neutral));
    let robbed = "u: My card was stolen, this is terrible, please block it at once!\na: It is blocked.";
    assert_eq!(whole(robbed), Some(Sentiment::Negative));
}

#[test]
fn a_summary_names_the_request_and_the_deed() {
    let summary = analyze(
        "u: One moment please.
         u: I need to see a doctor.
         a: On which day?
         u: I need 4:45 in the evening on the 6th of March.
         a: Please confirm: a doctor at 4:45 pm on March 6th.
         u: Yes.
         a: Your appointment has been booked.
         u: 678 896 5555",
    )
    .summary
    .unwrap();
    assert_eq!(
        summary,
        "The customer asked: I need to see a doctor. – The agent: Your appointment has been booked."
    );
    let answer =
        analyze("a: What kind of movies do you like?\nu: I like historical dramas and comedies.").summary;
    assert!(answer.is_none_or(|summary| !summary.contains("asked")), "an answer asks nothing");
}

#[test]
fn only_customers_have_a_mood() {
    let analysis = whole(
        "s: Angry customer, terrible mood, hates everything.
         a: This is great, wonderful, I love it!
         u: I am really happy with your excellent service, thank you!
         t: {\"error\": \"awful failure\"}
         h: That is horrible.",
    );
    let moods: Vec<bool> = analysis.messages.iter().map(Option::is_some).collect();
    assert_eq!(moods, [false, false, true, false, false]);
    assert_eq!(analysis.assessment.sentiment, Some(Sentiment::Positive));
    assert!(analysis.assessment.sentiment_description.is_some());
}

#[test]
fn nothing_is_said_of_nothing() {
    assert_eq!(whole(""), Analysis::default());
}
