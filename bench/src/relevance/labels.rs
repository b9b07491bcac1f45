//! What the collections say that a dialogue is about, in the words that a person would type.

use hearken_tests::data::Dialogue;
use serde_json::Value;

/// The labels of one dialogue.
#[derive(Default)]
pub(crate) struct Labels {
    /// In plain words, each once, in an order of their own.
    pub(crate) all: Vec<String>,
    /// Whether two of them make a question, too.
    pub(crate) combine: bool,
}

/// multidogo writes its intents without spaces. Left out is what says nothing of the matter: greetings, thanks, yes, no.
const MULTIDOGO: [(&str, &str); 36] = [
    ("bookflight", "book flight"),
    ("changeorder", "change order"),
    ("changeseatassignment", "change seat assignment"),
    ("checkbalance", "check balance"),
    ("checkclaimstatus", "check claim status"),
    ("checkoffereligibility", "check offer eligibility"),
    ("checkserverstatus", "check server status"),
    ("closeaccount", "close account"),
    ("disputecharge", "dispute charge"),
    ("expensereport", "expense report"),
    ("getboardingpass", "boarding pass"),
    ("getinformationintent", "information"),
    ("getproofofinsurance", "proof of insurance"),
    ("getroutingnumber", "routing number"),
    ("getseatinfo", "seat info"),
    ("orderbreakfastintent", "order breakfast"),
    ("orderburgerintent", "order burger"),
    ("orderchecks", "order checks"),
    ("orderdessertintent", "order dessert"),
    ("orderdrinkintent", "order drink"),
    ("orderpizzaintent", "order pizza"),
    ("ordersaladintent", "order salad"),
    ("ordersideintent", "order side"),
    ("providereceipt", "receipt"),
    ("replacecard", "replace card"),
    ("reportbrokenphone", "broken phone"),
    ("reportbrokensoftware", "broken software"),
    ("reportlostcard", "lost card"),
    ("softwareupdate", "software update"),
    ("startorder", "start order"),
    ("startserviceintent", "start service"),
    ("stoporder", "stop order"),
    ("transfermoney", "transfer money"),
    ("transferserviceintent", "transfer service"),
    ("updateaddress", "update address"),
    ("viewbillsintent", "view bills"),
];

/// The labels of a dialogue. Those in another language than the dialogue's are left out, because no word of them was said.
pub(crate) fn labels(dialogue: &Dialogue) -> Labels {
    let texts = |key: &str| -> Vec<&str> {
        match dialogue.labels.get(key) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    };
    let plain = |key: &str| texts(key).into_iter().map(words_of).collect::<Vec<String>>();
    let (mut all, combine) = match (dialogue.dataset.as_str(), dialogue.language.as_str()) {
        ("sgd", _) => {
            // Intents name what is wanted well enough alone; areas go together in one dialogue.
            let areas = plain("domains");
            let pairs = areas.iter().enumerate().flat_map(|(at, area)| {
                areas[..at].iter().map(move |other| format!("{} {}", area.min(other), area.max(other)))
            });
            (pairs.chain(plain("intents")).chain(areas.iter().cloned()).collect(), false)
        }
        ("multidogo", _) => {
            let intents = texts("intents");
            let known = MULTIDOGO.iter().filter(|(name, _)| intents.contains(name));
            (known.map(|(_, words)| (*words).to_owned()).collect(), true)
        }
        ("x_risawoz", "en" | "zh") | ("multiwoz_1k" | "crosswoz", _) => (plain("domains"), true),
        ("taskmaster_traces" | "ms_ckm_calls", _) => (plain("domain"), false),
        _ => (Vec::new(), false),
    };
    all.sort();
    all.dedup();
    Labels { all, combine }
}

/// `BuyEventTickets` and `it_helpdesk` as people write them; `TV` stays one word.
fn words_of(label: &str) -> String {
    let mut words = String::new();
    let mut after_lower = false;
    for c in label.chars() {
        if c == '_' || (c.is_uppercase() && after_lower) {
            words.push(' ');
        }
        if c != '_' {
            words.extend(c.to_lowercase());
        }
        after_lower = c.is_lowercase();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::words_of;

    #[test]
    fn labels_become_the_words_that_people_type() {
        let said = ["BuyEventTickets", "it_helpdesk", "TV", "Hotel", "餐馆"].map(words_of);
        assert_eq!(said, ["buy event tickets", "it helpdesk", "tv", "hotel", "餐馆"]);
    }
}
