//! Redaction: no text makes it panic or give up, what is found lies apart, and a planted address is never left.
#![no_main]

use hearken_model::PersonalData;
use hearken_privacy::Redactor;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let redactor = Redactor::new(PersonalData::ALL);
    let once = redactor.text(text).into_owned();
    assert!(once == text || once != "[redacted]", "`{text}` could not be read");
    let mut last = 0;
    for (_, range) in redactor.find(text) {
        assert!(last <= range.start && range.start < range.end && text.get(range.clone()).is_some());
        last = range.end;
    }
    let planted = format!("{text}\njane.doe@example.com\n{text}");
    assert!(!redactor.text(&planted).contains("jane.doe@example.com"), "left in `{planted}`");
});
