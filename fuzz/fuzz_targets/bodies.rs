//! Bodies of `POST /v1/events`, of every content type: no bytes make the server panic, and the same request gives the same
//! items, none of which is larger than it may be.
//!
//! What is made up is a head, a line for each header, an empty line, and the body.
#![no_main]

use hearken_ingest::{RawRecord, decode};
use hearken_model::Timestamp;
use hearken_query::events::{decompress, items};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 64 * 1024;

fuzz_target!(|request: &[u8]| {
    let end = request.windows(2).position(|bytes| bytes == b"\n\n");
    let (head, body) = end.map_or((&request[..0], request), |end| (&request[..end], &request[end + 2..]));
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(20) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else { continue };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value.trim_ascii()))
        {
            headers.append(name, value);
        }
    }
    // As the handler does it.
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let Ok(body) = decompress(body.to_vec(), encoding, BYTES_MAX) else { return };
    assert!(body.len() <= BYTES_MAX.max(request.len()));
    let split = items(body.clone(), &headers);
    assert_eq!(split, items(body.clone(), &headers));
    for item in split.into_iter().flatten() {
        assert!(item.value.len() <= body.len());
        let record = RawRecord {
            topic: "http".into(),
            partition: 0,
            offset: 0,
            key: None,
            value: Some(item.value),
            timestamp: Some(Timestamp::from_millis(1_700_000_000_000)),
            headers: item.headers.into_iter().map(|(name, value)| (name, Some(value.into_bytes()))).collect(),
        };
        let _ = decode(&record, Timestamp::EPOCH);
    }
});
