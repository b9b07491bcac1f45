#![allow(clippy::unwrap_used)]

use hearken_index::query::{Edge, Query, Range, Scope, TextForm, ValueMatch};
use proptest::prelude::*;

use super::*;

/// The tree in one line: `user.word<x>`, `and[…]`, `country=x`, `csat=[1,3)`.
fn shape(query: &Query) -> String {
    let list = |parts: &[Query]| parts.iter().map(shape).collect::<Vec<_>>().join(" ");
    match query {
        Query::All => "all".to_owned(),
        Query::Text { scope, text, form } => {
            let scope = match scope {
                Scope::Default => String::new(),
                scope => format!("{}.", target::scope_name(*scope)),
            };
            let form = match form {
                TextForm::Word => "word".to_owned(),
                TextForm::Phrase { slop: 0 } => "phrase".to_owned(),
                TextForm::Phrase { slop } => format!("near{slop}"),
                TextForm::Prefix => "prefix".to_owned(),
                TextForm::Fuzzy { distance } => format!("fuzzy{distance}"),
            };
            format!("{scope}{form}<{text}>")
        }
        Query::Value { field, value: ValueMatch::Is(value) } => format!("{field}={value}"),
        Query::Value { field, value: ValueMatch::StartsWith(value) } => format!("{field}={value}…"),
        Query::Range { field, range } => format!("{field}={}", range_shape(range)),
        Query::Exists { field } => format!("{field}=any"),
        Query::And(parts) => format!("and[{}]", list(parts)),
        Query::Or(parts) => format!("or[{}]", list(parts)),
        Query::Not(inner) => format!("not[{}]", shape(inner)),
    }
}

fn range_shape(range: &Range) -> String {
    fn both<T: ToString>(from: &Edge<T>, to: &Edge<T>) -> String {
        let from = match from {
            Edge::Open => "(".to_owned(),
            Edge::Inclusive(value) => format!("[{}", value.to_string()),
            Edge::Exclusive(value) => format!("({}", value.to_string()),
        };
        let to = match to {
            Edge::Open => ")".to_owned(),
            Edge::Inclusive(value) => format!("{}]", value.to_string()),
            Edge::Exclusive(value) => format!("{})", value.to_string()),
        };
        format!("{from},{to}")
    }
    match range {
        Range::Integer(from, to) => both(from, to),
        Range::Seconds(from, to) => both(from, to),
        Range::Number(from, to) => both(from, to),
        Range::Money(from, to) => both(from, to),
        Range::Time(from, to) => both(from, to),
    }
}

/// What a support lead would type, and what it means.
const CASES: &[(&str, &str)] = &[
    // Nothing and everything.
    ("", "all"),
    ("   ", "all"),
    ("*", "all"),
    // Words.
    ("refund", "word<refund>"),
    ("  refund  ", "word<refund>"),
    ("\u{FEFF}country:Germany \u{200B}OR \u{202A}csat:1", "or[country=Germany csat=[1,1]]"),
    ("refund late delivery", "and[word<refund> word<late> word<delivery>]"),
    ("refund\u{3000}late", "and[word<refund> word<late>]"),
    ("where is my order?", "and[word<where> word<is> word<my> word<order?>]"),
    ("refund & money", "and[word<refund> word<money>]"),
    ("refund - money", "and[word<refund> word<money>]"),
    ("refund -- money", "and[word<refund> word<money>]"),
    ("order 55-A12", "and[word<order> word<55-A12>]"),
    ("ada@example.com", "word<ada@example.com>"),
    ("https://example.com/a?b=1", "word<https://example.com/a?b=1>"),
    ("see https://example.com/(1)", "and[word<see> word<https://example.com/> word<1>]"),
    ("12:30", "word<12:30>"),
    ("退款", "word<退款>"),
    ("退款 订单", "and[word<退款> word<订单>]"),
    ("คืนเงิน", "word<คืนเงิน>"),
    ("👍", "word<👍>"),
    ("don't", "word<don't>"),
    ("50%", "word<50%>"),
    ("C++", "word<C++>"),
    ("#1234", "word<#1234>"),
    ("<3", "word<<3>"),
    ("[urgent]", "word<[urgent]>"),
    ("größe:5", "word<größe:5>"),
    ("~5 minutes", "and[word<~5> word<minutes>]"),
    ("example.com/~joe", "word<example.com/~joe>"),
    // AND, OR, NOT.
    ("refund AND late", "and[word<refund> word<late>]"),
    ("refund OR exchange", "or[word<refund> word<exchange>]"),
    ("refund NOT late", "and[word<refund> not[word<late>]]"),
    ("refund AND NOT late", "and[word<refund> not[word<late>]]"),
    ("refund -late", "and[word<refund> not[word<late>]]"),
    ("-late", "not[word<late>]"),
    ("NOT late", "not[word<late>]"),
    ("NOT NOT late", "not[not[word<late>]]"),
    ("a b OR c", "or[and[word<a> word<b>] word<c>]"),
    ("a OR b c", "or[word<a> and[word<b> word<c>]]"),
    ("a AND b OR c AND d", "or[and[word<a> word<b>] and[word<c> word<d>]]"),
    ("NOT a OR b", "or[not[word<a>] word<b>]"),
    ("a OR b OR c", "or[word<a> word<b> word<c>]"),
    ("and or not", "and[word<and> word<or> word<not>]"),
    ("ANDROID", "word<ANDROID>"),
    ("\\AND", "word<AND>"),
    ("NOTHING", "word<NOTHING>"),
    ("refund && late", "and[word<refund> word<late>]"),
    ("refund || cancel", "or[word<refund> word<cancel>]"),
    ("refund||cancel", "or[word<refund> word<cancel>]"),
    ("a && b || c && d", "or[and[word<a> word<b>] and[word<c> word<d>]]"),
    ("(a)||(b)", "or[word<a> word<b>]"),
    ("\"a b\"||\"c\"", "or[phrase<a b> phrase<c>]"),
    ("!refund", "not[word<refund>]"),
    ("late !refund", "and[word<late> not[word<refund>]]"),
    ("a && !b", "and[word<a> not[word<b>]]"),
    ("!(a || b)", "not[or[word<a> word<b>]]"),
    ("!\"a b\" !country:Germany", "and[not[phrase<a b>] not[country=Germany]]"),
    ("!-late", "not[not[word<late>]]"),
    ("remboursement ! vite", "and[word<remboursement> word<vite>]"),
    ("help!!! now!", "and[word<help!!!> word<now!>]"),
    ("!!! help", "word<help>"),
    ("+refund +late", "and[word<refund> word<late>]"),
    ("+refund -late", "and[word<refund> not[word<late>]]"),
    ("+country:Germany +(a b)", "and[country=Germany word<a> word<b>]"),
    ("-+late", "not[word<late>]"),
    ("call +49 30 1234", "and[word<call> word<49> word<30> word<1234>]"),
    ("refund + money", "and[word<refund> word<money>]"),
    ("AT&T R&D", "and[word<AT&T> word<R&D>]"),
    ("country:(Germany || France)", "or[country=Germany country=France]"),
    ("country:Germany||country:France", "or[country=Germany country=France]"),
    ("country:(!Germany)", "not[country=Germany]"),
    ("a\\|\\|b \\!c \\+d", "and[word<a||b> word<!c> word<+d>]"),
    // Read as words here, unlike in other languages.
    ("refund or cancel", "and[word<refund> word<or> word<cancel>]"),
    ("refund^2", "word<refund^2>"),
    ("re?und", "word<re?und>"),
    ("/refun[dt]/", "word</refun[dt]/>"),
    ("/refu.*d(s|ed)/ late", "and[word</refu.*d(s|ed)/> word<late>]"),
    ("/var/log/app", "word</var/log/app>"),
    ("country:/Ger.*/", "country=/Ger.*/"),
    // Parentheses.
    ("(refund)", "word<refund>"),
    ("(a OR b) c", "and[or[word<a> word<b>] word<c>]"),
    ("a (b c)", "and[word<a> word<b> word<c>]"),
    ("a -(b OR c)", "and[word<a> not[or[word<b> word<c>]]]"),
    ("NOT(a OR b)", "not[or[word<a> word<b>]]"),
    ("((a))", "word<a>"),
    ("sad \\:\\(", "word<sad>"),
    // Phrases.
    ("\"refund policy\"", "phrase<refund policy>"),
    ("“refund policy”", "phrase<refund policy>"),
    ("\"refund policy\"~3", "near3<refund policy>"),
    ("\"refund policy\"~0", "phrase<refund policy>"),
    ("\"say \\\"hi\\\"\"", "phrase<say \"hi\">"),
    ("-\"refund policy\"", "not[phrase<refund policy>]"),
    ("\"AND\"", "phrase<AND>"),
    ("צה\"ל", "word<צה\"ל>"),
    ("\"צה\"ל\" א\"ב", "and[phrase<צה\"ל> word<א\"ב>]"),
    ("\"א\" \"ב\"", "and[phrase<א> phrase<ב>]"),
    ("refund\"late\"", "and[word<refund> phrase<late>]"),
    ("\"\" refund", "word<refund>"),
    // Prefixes and edits.
    ("refun*", "prefix<refun>"),
    ("55-A*", "prefix<55-A>"),
    ("refnud~1", "fuzzy1<refnud>"),
    ("refnud~2", "fuzzy2<refnud>"),
    ("refnud~", "fuzzy2<refnud>"),
    ("-refun*", "not[prefix<refun>]"),
    ("refun\\*", "word<refun*>"),
    ("a\\ b", "word<a b>"),
    // Text scopes.
    ("user:refund", "user.word<refund>"),
    ("assistant:\"I am sorry\"", "assistant.phrase<I am sorry>"),
    ("user:refun*", "user.prefix<refun>"),
    ("user:refnud~1", "user.fuzzy1<refnud>"),
    ("user:\"near words\"~3", "user.near3<near words>"),
    ("user:(refund late)", "and[user.word<refund> user.word<late>]"),
    ("user:(refund OR assistant:sorry) late", "and[or[user.word<refund> assistant.word<sorry>] word<late>]"),
    ("-user:refund", "not[user.word<refund>]"),
    ("user: refund", "user.word<refund>"),
    ("transcript:refund", "transcript.word<refund>"),
    ("human:hello tool:lookup", "and[human.word<hello> tool.word<lookup>]"),
    ("system:prompt", "system.word<prompt>"),
    ("topic:billing", "topic.word<billing>"),
    ("summary:refund", "summary.word<refund>"),
    ("keywords:\"late delivery\"", "keywords.phrase<late delivery>"),
    ("topic:*", "topic=any"),
    ("user:https://example.com", "user.word<https://example.com>"),
    // Whole values.
    ("country:Germany", "country=Germany"),
    ("agent:\"Ada L\"", "agent=Ada L"),
    ("agent:Ad*", "agent=Ad…"),
    ("agent:Ada\\ L*", "agent=Ada L…"),
    ("country:(Germany OR France)", "or[country=Germany country=France]"),
    ("-country:Germany", "not[country=Germany]"),
    ("country:(-Germany)", "not[country=Germany]"),
    ("country:*", "country=any"),
    ("metadata.plan:pro", "metadata.plan=pro"),
    ("metadata.plan:*", "metadata.plan=any"),
    ("metadata.a\\:b:c", "metadata.a:b=c"),
    ("metadata.crm.tier-2:\"a b\"", "metadata.crm.tier-2=a b"),
    ("language:pt-BR", "language=pt-BR"),
    ("ip_address:192.0.2.1", "ip_address=192.0.2.1"),
    ("url:\"https://example.com/a\"", "url=https://example.com/a"),
    ("type:voice_call status:finished", "and[type=voice_call status=finished]"),
    ("country:=Germany", "country=Germany"),
    // Comparisons and ranges.
    ("csat:2", "csat=[2,2]"),
    ("csat:=2", "csat=[2,2]"),
    ("csat:\"2\"", "csat=[2,2]"),
    ("csat:<=2", "csat=(,2]"),
    ("csat:<2", "csat=(,2)"),
    ("csat:>=4", "csat=[4,)"),
    ("csat:>= 4", "csat=[4,)"),
    ("csat:(1 OR 2)", "or[csat=[1,1] csat=[2,2]]"),
    ("csat:*", "csat=any"),
    ("-csat:*", "not[csat=any]"),
    ("csat:[1 TO 3}", "csat=[1,3)"),
    ("csat:[* TO 3]", "csat=(,3]"),
    ("csat:[* TO *]", "csat=any"),
    ("duration:[60 TO 300]", "duration=[60,300]"),
    ("duration:{60 TO 300}", "duration=(60,300)"),
    ("duration:>5m", "duration=(300,)"),
    ("duration:[1.5h TO *]", "duration=[5400,)"),
    ("total_costs:>0.05", "total_costs=(0.05,)"),
    ("metadata.score:>=3.5", "metadata.score=[3.5,)"),
    ("metadata.order:>=9007199254740993", "metadata.order=[9007199254740993,)"),
    ("metadata.order:[1e3 TO 0.1e400}", "metadata.order=[1000,0.1e400)"),
    ("metadata.score:[-1 TO 1]", "metadata.score=[-1,1]"),
    ("start_time:2026-05-01", "start_time=[2026-05-01T00:00:00Z,2026-05-02T00:00:00Z)"),
    ("start_time:>=2026-05-01", "start_time=[2026-05-01T00:00:00Z,)"),
    ("start_time:>2026-05-01", "start_time=[2026-05-02T00:00:00Z,)"),
    ("start_time:<2026-05-01", "start_time=(,2026-05-01T00:00:00Z)"),
    ("start_time:<=2026-05-01", "start_time=(,2026-05-02T00:00:00Z)"),
    ("start_time:[2026-05-01 TO 2026-05-31]", "start_time=[2026-05-01T00:00:00Z,2026-06-01T00:00:00Z)"),
    ("start_time:{2026-05-01 TO 2026-05-03}", "start_time=[2026-05-02T00:00:00Z,2026-05-03T00:00:00Z)"),
    ("start_time:2026-12", "start_time=[2026-12-01T00:00:00Z,2027-01-01T00:00:00Z)"),
    ("start_time:2026", "start_time=[2026-01-01T00:00:00Z,2027-01-01T00:00:00Z)"),
    ("end_time:>2026-05-01T12:00:00+02:00", "end_time=(2026-05-01T10:00:00Z,)"),
    (
        "start_time:[2026-05-01T12:00:00Z TO 2026-05-01]",
        "start_time=[2026-05-01T12:00:00Z,2026-05-02T00:00:00Z)",
    ),
    // All together.
    (
        "refund -\"thank you\" user:(angry OR furious) country:Germany csat:<=2 start_time:>=2026-05-01",
        "and[word<refund> not[phrase<thank you>] or[user.word<angry> user.word<furious>] country=Germany \
         csat=(,2] start_time=[2026-05-01T00:00:00Z,)]",
    ),
];

#[test]
fn what_a_support_lead_types_is_understood() {
    for (text, expected) in CASES {
        let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(shape(&query), *expected, "{text}");
    }
}

#[test]
fn what_is_printed_parses_to_the_same_tree() {
    for (text, _) in CASES {
        let query = parse(text).unwrap();
        let printed = print(&query);
        assert_eq!(parse(&printed).as_ref(), Ok(&query), "{text} was printed as {printed}");
    }
}

/// Mistakes: the text, position, kind, part of the message, part of the hint.
const MISTAKES: &[(&str, usize, ParseErrorKind, &str, &str)] = &[
    ("contry:Germany", 0, ParseErrorKind::UnknownField, "`contry`", "search `country:` instead"),
    ("refund contry:Germany", 7, ParseErrorKind::UnknownField, "`contry`", "`country:`"),
    ("größe usr:x", 6, ParseErrorKind::UnknownField, "`usr`", "`user:`"),
    ("Country:Germany", 0, ParseErrorKind::UnknownField, "`Country`", "`country:`"),
    ("Re: my order", 0, ParseErrorKind::UnknownField, "`Re`", "\"Re:\""),
    ("metadata:pro", 0, ParseErrorKind::UnknownField, "`metadata`", "metadata.plan:pro"),
    ("say \"refund", 4, ParseErrorKind::Syntax, "never closed", "close it"),
    ("(a OR b", 0, ParseErrorKind::Syntax, "never closed", "close it"),
    ("a)", 1, ParseErrorKind::Syntax, "closes nothing", "remove it"),
    ("a ()", 2, ParseErrorKind::Syntax, "nothing between", "remove them"),
    ("AND a", 0, ParseErrorKind::Syntax, "`AND`", "both sides"),
    ("a OR", 4, ParseErrorKind::Syntax, "missing", ""),
    ("a OR OR b", 5, ParseErrorKind::Syntax, "`OR`", "both sides"),
    ("a AND", 5, ParseErrorKind::Syntax, "after `AND`", ""),
    ("a &&", 4, ParseErrorKind::Syntax, "after `&&`", ""),
    ("|| a", 0, ParseErrorKind::Syntax, "`||`", "both sides"),
    ("a || || b", 5, ParseErrorKind::Syntax, "`||`", "both sides"),
    ("a NOT || b", 6, ParseErrorKind::Syntax, "nothing to exclude", ""),
    ("country:|| a", 8, ParseErrorKind::Syntax, "no value", "country:*"),
    ("_exists_:csat", 0, ParseErrorKind::UnknownField, "`_exists_`", "`csat:*`"),
    ("a NOT", 5, ParseErrorKind::Syntax, "nothing to exclude", "\\NOT"),
    ("country:", 8, ParseErrorKind::Syntax, "no value", "country:*"),
    ("refnud~3", 6, ParseErrorKind::Syntax, "`~3`", "at most 2"),
    ("refnud~1.5", 6, ParseErrorKind::Syntax, "`~1.5`", "at most 2"),
    ("\"a b\"~99", 5, ParseErrorKind::Syntax, "at most 50", ""),
    ("\"a b\"~", 5, ParseErrorKind::Syntax, "needs a number", "~3"),
    ("\"a b\"~x", 5, ParseErrorKind::Syntax, "not a number", "~3"),
    ("*fund", 0, ParseErrorKind::Syntax, "belongs at its end", "refun*"),
    ("re*nd", 2, ParseErrorKind::Syntax, "belongs at its end", "refun*"),
    ("-*x", 1, ParseErrorKind::Syntax, "belongs at its end", ""),
    ("a \\", 2, ParseErrorKind::Syntax, "backslash", "\\\\"),
    ("???", 0, ParseErrorKind::Syntax, "nothing to search for", "letters and digits"),
    ("user:???", 5, ParseErrorKind::Syntax, "no word", ""),
    ("user:*", 5, ParseErrorKind::Syntax, "`*` alone", ""),
    ("csat:high", 5, ParseErrorKind::Value, "not a whole number", "csat:>=2"),
    ("csat:[1 2]", 8, ParseErrorKind::Syntax, "`TO` is missing", "[60 TO 300]"),
    ("csat:[1 TO 2", 5, ParseErrorKind::Syntax, "never closed", "[60 TO 300]"),
    ("csat:[3 TO 1]", 5, ParseErrorKind::Value, "ends before it begins", "swap"),
    ("csat:<=", 7, ParseErrorKind::Syntax, "no value after", ""),
    ("csat:2*", 5, ParseErrorKind::Value, "no beginnings", ">=2"),
    ("country:>=A", 8, ParseErrorKind::Value, "has no ranges", "csat:<=2"),
    ("country:Germny~1", 14, ParseErrorKind::Syntax, "matched exactly", "quotation"),
    ("agent:\"Ada L\"~2", 6, ParseErrorKind::Syntax, "matched as a whole", "remove"),
    ("duration:soon", 9, ParseErrorKind::Value, "number of seconds", "5m"),
    ("total_costs:cheap", 12, ParseErrorKind::Value, "not an amount", "decimal"),
    ("start_time:yesterday", 11, ParseErrorKind::Value, "not a time", "2026-05-01"),
    ("start_time:2026-13-01", 11, ParseErrorKind::Value, "not a time", "2026-05-01"),
    ("start_time:2026-02-30", 11, ParseErrorKind::Value, "not a time", "2026-05-01"),
];

#[test]
fn mistakes_are_shown_where_they_are_with_a_fix() {
    for (text, position, kind, message, hint) in MISTAKES {
        let error = parse(text).expect_err(text);
        assert_eq!((error.position, error.kind), (*position, *kind), "{text}: {error:?}");
        assert!(error.message.contains(message), "{text}: {error:?}");
        assert!(error.hint.clone().unwrap_or_default().contains(hint), "{text}: {error:?}");
    }
}

#[test]
fn a_mistake_with_a_plain_meaning_comes_with_the_whole_query_corrected() {
    let corrected = |text: &str| parse(text).unwrap_err().corrected;
    for (text, meant) in [
        ("refund contry:Germany", "refund country:Germany"),
        ("größe usr:x y", "größe user:x y"),
        ("say \"refund", "say \"refund\""),
        ("(a OR b", "(a OR b)"),
        ("a) b", "a b"),
        ("a foo:bar", "a \"foo:bar\""),
        ("foo:(a b)", "\"foo:\" (a b)"),
        ("_missing_:csat", "-csat:*"),
        ("agent: && a", "agent:*&& a"),
        ("csat:[5 TO 2} a", "csat:[2 TO 5} a"),
        ("csat:[a TO 2]", "csat:*"),
        ("(agent:)", "(agent:*)"),
        ("user:", "\"user\""),
        ("csat:abc", "csat:*"),
        ("csat:(1 OR \"high\")", "csat:(1 OR *)"),
        ("-csat:<=high a", "-csat:* a"),
        ("csat:[1 TO 2", "csat:[1 TO 2]"),
        ("country:>=A", "country:*"),
        ("country:Germny~1", "country:Germny"),
        ("agent:\"Ada L\"~2", "agent:\"Ada L\""),
        ("refund~9", "refund~2"),
        ("\"a b\"~99 c", "\"a b\"~50 c"),
        ("AND", "\"AND\""),
        ("NOT", "\"NOT\""),
        ("refund AND", "refund"),
        ("OR refund", "refund"),
        ("a (b OR) c", "a (b ) c"),
        ("refund NOT", "refund"),
        ("||", "*"),
        ("???", "*"),
        ("()", "*"),
        ("re*nd a", "re* a"),
        ("*fund", "fund"),
        ("a \\", "a"),
    ] {
        assert_eq!(corrected(text).as_deref(), Some(meant), "{text}");
        assert!(parse(meant).is_ok(), "{meant}");
    }
    assert_eq!(corrected("csat:<="), None);
}

#[test]
fn what_is_too_large_is_refused() {
    let kind = |text: &str| parse(text).unwrap_err().kind;
    assert_eq!(kind(&"a ".repeat(LEAVES_MAX + 1)), ParseErrorKind::TooLarge);
    assert_eq!(kind(&"word ".repeat(10_000)), ParseErrorKind::TooLarge);
    assert_eq!(kind(&format!("{}a{}", "(".repeat(100), ")".repeat(100))), ParseErrorKind::TooLarge);
    assert_eq!(kind(&"(".repeat(8_000)), ParseErrorKind::TooLarge);
    assert_eq!(kind(&format!("{}a", "NOT ".repeat(1_000))), ParseErrorKind::TooLarge);
    assert!(parse(&"a ".repeat(LEAVES_MAX)).is_ok());
    assert!(parse(&format!("{}a{}", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX))).is_ok());
}

#[test]
fn a_range_alone_is_read_as_behind_a_name_and_comes_back_from_its_brackets() {
    let range = |name: &str, text: &str| parse_range(hearken_model::field::field(name).unwrap(), text);
    for (name, text, shown) in [
        ("duration", "[* TO 60}", "[* TO 60}"),
        ("duration", " [60 TO 300} ", "[60 TO 300}"),
        ("duration", "[1m TO 0.5h]", "[60 TO 1800]"),
        ("duration", "{-0.5 TO *]", "{-0.5 TO *]"),
        ("duration", "*", "[* TO *]"),
        ("duration", "60", "[60 TO 60]"),
        ("csat", ">=2", "[2 TO *]"),
        ("csat", "\"3\"", "[3 TO 3]"),
        ("csat", "[* TO *]", "[* TO *]"),
        ("total_costs", "<0.10", "[* TO 0.10}"),
        ("start_time", "2026-05-01", "[2026-05-01T00:00:00Z TO 2026-05-02T00:00:00Z}"),
        ("end_time", "<=2026-05-01T12:00:00.5Z", "[* TO 2026-05-01T12:00:00.500Z]"),
    ] {
        let read = range(name, text).unwrap();
        assert_eq!(read.to_string(), shown, "{name}:{text}");
        let again = range(name, shown).unwrap();
        assert_eq!(again, read, "{name}:{shown}");
    }
    for text in [
        "",
        " ",
        "high",
        "1 2",
        "[1 TO 2] 3",
        "(1 OR 2)",
        "(",
        ")",
        "[1 TO",
        "[2 TO 1]",
        "1*",
        "1~",
        "-",
        "x:1",
    ] {
        assert!(range("csat", text).is_err(), "{text}");
    }
}

/// What probably means something else: the text, position, part of the message, and the correction.
const DOUBTS: &[(&str, usize, &str, &str)] = &[
    ("refund or cancel", 7, "`or` is searched for as a word", "refund OR cancel"),
    ("größe Or cancel", 6, "`OR`", "größe OR cancel"),
    ("refund and cancel", 7, "`AND`", "refund AND cancel"),
    ("refund not late", 7, "`NOT`", "refund NOT late"),
    ("not late", 0, "`NOT`", "NOT late"),
    ("country:(Germany or France)", 17, "`OR`", "country:(Germany OR France)"),
    ("refund^2", 6, "words have no weights", "refund"),
    ("\"a b\"^2.5 c", 5, "words have no weights", "\"a b\" c"),
    ("(a b)^2", 5, "words have no weights", "(a b)"),
    ("refnud~1^2", 8, "words have no weights", "refnud~1"),
    ("re?und", 0, "`reund~1`", "reund~1"),
    ("r?f?nd late", 0, "`rfnd~2`", "rfnd~2 late"),
    ("r?f?n?s", 0, "`r*`", "r*"),
    ("/refun[dt]/", 0, "`(refund OR refunt)`", "(refund OR refunt)"),
    ("/refunds?/", 0, "`(refunds OR refund)`", "(refunds OR refund)"),
    ("/(re|be)fund/ x", 0, "`(refund OR befund)`", "(refund OR befund) x"),
    ("/refund|cancel/", 0, "`(refund OR cancel)`", "(refund OR cancel)"),
    ("/refund/", 0, "`refund`", "refund"),
    ("/refu.*/", 0, "`refu*`", "refu*"),
    ("/refunds*/", 0, "`refund*`", "refund*"),
    ("/[a-z]+ly/", 0, "`\"a z ly\"`", "\"a z ly\""),
    ("/55-\\d{4}/", 0, "`55*`", "55*"),
    ("country:/Ger.*/", 8, "no regular expressions", "country:Ger*"),
    ("refun%", 0, "`refun*`", "refun*"),
    ("agent:Ad%", 6, "`Ad*`", "agent:Ad*"),
    ("late country=Germany", 5, "`country:Germany`", "late country:Germany"),
    ("country!=Germany", 0, "`-country:Germany`", "-country:Germany"),
    ("csat<=2", 0, "`csat:<=2`", "csat:<=2"),
    ("metadata.plan==pro", 0, "`metadata.plan:pro`", "metadata.plan:pro"),
    ("agent=\"Ada L\"", 0, "`agent:`", "agent:\"Ada L\""),
    ("'refund policy'", 0, "`\"refund policy\"`", "\"refund policy\""),
    ("agent:'Ada L'", 6, "`\"Ada L\"`", "agent:\"Ada L\""),
    ("country:'Germany'", 8, "`\"Germany\"`", "country:\"Germany\""),
    ("a country:-Germany", 2, "`-country:Germany`", "a -country:Germany"),
    ("country:!Germany", 0, "`-country:Germany`", "-country:Germany"),
    ("status:finished,failed", 7, "`(finished OR failed)`", "status:(finished OR failed)"),
];

#[test]
fn a_query_that_probably_means_something_else_gets_a_notice_with_a_correction() {
    for (text, position, message, corrected) in DOUBTS {
        let notices = notices(text);
        assert_eq!(notices.len(), 1, "{text}: {notices:?}");
        assert!(notices[0].message.contains(message), "{text}: {notices:?}");
        assert_eq!(notices[0].corrected, *corrected, "{text}");
        assert_eq!(notices[0].position, *position, "{text}");
    }
}

#[test]
fn ordinary_queries_get_no_notices() {
    for text in [
        "",
        "refund",
        "or",
        "or refund",
        "refund or",
        "\"refund or cancel\"",
        "refund OR cancel",
        "(or)",
        "a OR or",
        "where is my order?",
        "really?!",
        "why??? when",
        "https://x.com/a?b=1&c=2",
        "/var/log/",
        "/home/a b/",
        "a^b",
        "50%",
        "100% sure",
        "don't",
        "'tis late, don't wait",
        "a=b",
        "x<=2",
        "country = Germany",
        "metadata.score:-5",
        "-country:Germany",
        "city:\"Washington, DC\"",
        "退?款",
        "re\\?und",
        "/\u{61}/b/",
        "1/2",
        "AT&T",
    ] {
        assert_eq!(notices(text), [], "{text}");
    }
    let many = "a or ".repeat(100) + "b";
    assert_eq!(notices(&many).len(), NOTICES_MAX);
    assert_eq!(notices("refund or ("), []);
}

/// Fragments of the language, so that random texts get past their first character.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab退é1]{1,3}",
        "\\PC{1,3}",
        prop::sample::select(vec![
            " ",
            "(",
            ")",
            "\"",
            "“",
            "\\",
            "-",
            "--",
            "~",
            "~1",
            "~2",
            "*",
            ":",
            "//",
            "[",
            "]",
            "{",
            "}",
            "<=",
            ">",
            "=",
            " TO ",
            " AND ",
            " OR ",
            " NOT ",
            "AND",
            "OR",
            "NOT",
            "user:",
            "topic:",
            "country:",
            "csat:",
            "metadata.a:",
            "metadata.",
            "duration:",
            "total_costs:",
            "start_time:",
            "2026-05-01",
            "12",
            "0.5",
            "x:",
            "\u{3000}",
            "\u{FEFF}",
            "א",
            "👍",
            "AND\\",
            "||",
            "&&",
            "|",
            "&",
            "!",
            "+",
            "/",
            "/a[bc]/",
            " or ",
            "^2",
            "?",
            "'",
            ",",
            "%",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse(&text);
    }

    #[test]
    fn printing_and_parsing_come_back_to_the_same_tree(pieces in prop::collection::vec(piece(), 0..14)) {
        let text = pieces.concat();
        match parse(&text) {
            Ok(query) => {
                let printed = print(&query);
                prop_assert_eq!(parse(&printed), Ok(query), "{} was printed as {}", text, printed);
            }
            Err(error) => prop_assert!(error.position <= text.chars().count()),
        }
        for notice in notices(&text) {
            prop_assert!(notice.position < text.chars().count());
            prop_assert!(notice.corrected != text && parse(&notice.corrected).is_ok(), "{text}: {notice:?}");
        }
    }
}
