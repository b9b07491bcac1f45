//! What is recognised in single texts, and what is not.
#![allow(clippy::unwrap_used)]

use hearken_model::PersonalData;
use hearken_privacy::Redactor;
use proptest::prelude::*;

fn redacted(text: &str) -> String {
    Redactor::new(PersonalData::ALL).text(text).into_owned()
}

#[track_caller]
fn each(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(redacted(text), *expected, "{text}");
    }
}

#[track_caller]
fn kept(texts: &[&str]) {
    for text in texts {
        assert_eq!(redacted(text), *text);
    }
}

#[test]
fn cards_are_known_by_network_length_and_check_digit() {
    each(&[
        ("my card is 4111 1111 1111 1111, thanks", "my card is [card], thanks"),
        ("2223003122003222", "[card]"), // Mastercard's second series
        ("amex 3782-822463-10005", "amex [card]"),
        ("6011 0009 9013 9424.", "[card]."),
        ("30569309025904", "[card]"),
        ("UnionPay 6212345678901232", "UnionPay [card]"),
        ("card4111111111111111", "card[card]"),
        ("私のカードは4111111111111111です", "私のカードは[card]です"),
        ("４１１１　１１１１　１１１１　１１１１", "[card]"),
        ("4111\u{200b}1111\u{ad}11111111", "[card]"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "[card]"),
        ("card: 4222222222222", "card: [card]"), // Visa's old length, where something says so
        ("card number 4111 1111 1111 1112", "card number [card]"), // mistyped
    ]);
    kept(&[
        "at 1716215400003",                    // a time stamp that passes Luhn
        "4222222222222",                       // 13 digits and nothing that says what they are
        "request 1716215400123409 took 12 ms", // microseconds
        "order number 4111111111111111",       // the number of a thing
        "4111111111111112",                    // a wrong check digit
        "0.4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000",
        "a4111111111111111b",
        "sha 41111111111111114111111111111111",
        "1234567890123456",
    ]);
}

#[test]
fn a_card_that_is_cut_by_messages_is_known_by_its_halves() {
    each(&[
        ("4111 1111", "[card]"),
        // What follows is taken out first, and leaves a beginning that is a card's.
        ("4111 4111 4111 4111 04111 ", "[card] [phone] "),
        ("1111 1111", "[card]"),
        ("My card number is 4111 1111", "My card number is [card]"),
        ("it is 4111 1111 1111", "it is [card]"),
        ("1111-1111-1111, and the code is next", "[card], and the code is next"),
        ("send it to jane.doe@", "send it to [email]"),
        ("send it to jane.doe@exam", "send it to [email]"),
        ("IBAN DE89 3704 0044", "IBAN [iban]"),
        ("my ssn is 219-09", "my ssn is [ssn]"),
    ]);
    kept(&["see you at the café @", "rooms 1200 1300 are free", "in 2024 2025"]);
}

#[test]
fn addresses_are_found_in_every_script_and_spelling() {
    each(&[
        ("Mail: Jane.Doe+shop@mail.example.co.uk!", "Mail: [email]!"),
        ("<mailto:jane@example.com>", "<mailto:[email]>"),
        ("jürgen.müller@bücher.example", "[email]"),
        ("jane@xn--bcher-kva.example", "[email]"),
        ("用户@例子.公司", "[email]"),
        ("邮箱是jane@example.com谢谢", "邮箱是[email]谢谢"),
        ("पता@उदाहरण.भारत", "[email]"),
        ("?email=jane%40example.com&x=1", "?email=[email]&x=1"),
        ("jane＠example.com", "[email]"),
        ("\"jane doe\"@example.com", "[email]"),
        ("{\"to\":\"jane@example.com\"}", "{\"to\":\"[email]\"}"),
        ("it's jane dot doe at example dot com please", "it's [email] please"),
        ("jane punkt doe ät example punkt de", "[email]"),
        // Mistyped, or run into what follows.
        ("jane@example.com1", "[email]"),
        ("jane@example.com2nd floor", "[email] floor"),
        ("11jane.doe@example.com½", "[email]"),
    ]);
    kept(&[
        "@acme on X",
        "icon@2x.png",
        "npm i pkg@1.2.3",
        "npm i pkg@1.2.rc1 now",
        "meet at noon, dot the i",
        "3 @ 5",
        "let us look at that point",
    ]);
}

#[test]
fn phone_numbers_are_known_by_plan_form_or_the_words_before_them() {
    each(&[
        ("+49 30 901820", "[phone]"),
        ("0049 30 901820", "[phone]"),
        ("call +1 (415) 555-0132 now", "call [phone] now"),
        ("(212) 736-5000", "[phone]"),
        ("212.736.5000", "[phone]"),
        ("Meine Nummer: 0170 1234567", "Meine Nummer: [phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("móvil 612 345 678", "móvil [phone]"),
        ("電話番号は090-1234-5678です", "電話番号は[phone]です"),
        ("\u{202a}+49 170 1234567\u{202c}", "\u{202a}[phone]"),
        ("phone: 555-0123", "phone: [phone]"),
        ("+33 (0)6 12 34 56 78", "[phone]"),
        ("030 901820 or 0170 1234567", "[phone] or [phone]"),
    ]);
    kept(&[
        "on 2026-05-01 12:30:00",
        "01.05.2026",
        "1 234 567 EUR",
        "1.234.567,89",
        "order 1234567890",
        "Bestellnummer 0301234567",
        "ticket AB-0301234567",
        "1716215400003",
        "in 2024 and 2025",
        "room 123 456",
        "10 20 30 40",
        "3.14159265358979",
    ]);
}

#[test]
fn bank_accounts_and_social_security_numbers_keep_their_rules() {
    each(&[
        ("DE89 3704 0044 0532 0130 00", "[iban]"),
        ("iban:gb82west12345698765432.", "iban:[iban]."),
        ("FR14 2004 1010 0505 0001 3M02 606 ok", "[iban] ok"),
        ("219-09-9999", "[ssn]"),
        ("SSN 219 09 9998", "SSN [ssn]"),
        ("my social security number is 219099998", "my social security number is [ssn]"),
    ]);
    let redactor = Redactor::new([PersonalData::Iban, PersonalData::Ssn]);
    for text in [
        "DE89370400440532013001 ist falsch", // a wrong remainder
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "219-00-9999",
        "219-09-0000",
        "part 219-09-99991",
    ] {
        assert_eq!(redactor.text(text), text);
    }
}

#[test]
fn ip_addresses_are_told_from_versions_and_times() {
    each(&[
        ("from 203.0.113.77:443", "from [ip]:443"),
        ("2001:db8::1 answered", "[ip] answered"),
        ("fe80::1", "[ip]"),
    ]);
    kept(&["version 1.2.3.4", "12:30:45", "300.1.1.1", "std::fmt", "a::b", "::"]);
}

#[test]
fn addresses_that_share_a_part_are_one() {
    each(&[("ask jane@doe.example@mail.example.com now", "ask [email] now")]);
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_only_once(text in "(\\PC|[0-9 .+@()-]|\\+49 |4111 ){0,60}") {
        let once = redacted(&text);
        prop_assert_eq!(redacted(&once), once.clone());
        prop_assert_ne!(once, "[redacted]");
    }

    #[test]
    fn a_planted_address_is_gone_whatever_stands_around_it(before in "[ -?A-~]{0,30}", after in "[ -~]{0,30}") {
        let text = format!("{before} jane.doe@example.com {after}");
        prop_assert!(!redacted(&text).contains("jane.doe@example.com"));
    }
}
