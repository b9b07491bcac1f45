//! The query language: no text makes the parser panic, and what is printed parses to the same tree.
#![no_main]

use hearken_index::Access;
use hearken_index::query::Query;
use hearken_index::search::{Selection, Sort};
use hearken_query::language::{parse, print};
use hearken_query::parameters::{SearchParameters, decode_cursor, pairs_of_json, pairs_of_query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text) {
        Ok(query) => {
            let printed = print(&query);
            assert_eq!(parse(&printed).as_ref(), Ok(&query), "`{text}` was printed as `{printed}`");
        }
        Err(error) => assert!(error.position <= text.chars().count(), "{error:?}"),
    }
    // The same text as the parameters of a request.
    for pairs in [pairs_of_query(text), pairs_of_json(text.as_bytes())].into_iter().flatten() {
        let _ = SearchParameters::parse(pairs, []);
    }
    // And as a cursor.
    let selection = Selection::new(Query::All, Access::All);
    for sort in [Sort::Relevance, Sort::Fields(Vec::new())] {
        let _ = decode_cursor(text, &selection, &sort);
    }
});
