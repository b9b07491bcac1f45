#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn smoke() {
    for q in
        ["refund", "a b OR c", "csat:<=2", "duration:[60 TO 300}", "-csat:*", "country:(Germany OR France)"]
    {
        println!("{q} => {:?}", parse(q));
    }
}
