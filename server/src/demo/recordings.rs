//! Recordings of the demo's calls. Nobody ever spoke them, so hums stand in for the voices: low for the agent, higher
//! for the caller, in between for a human who took over. Each lasts as long as what was said, and the silences are
//! kept.
//!
//! The address encodes who hums when, in tenths of a second, so nothing is stored: `/a7-52,u57-90.wav` is the agent
//! from 0.7 s to 5.2 s, then the caller.

use std::f32::consts::TAU;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

/// Samples per second, 8 bits each, as on the telephone.
const RATE: usize = 8_000;
const SAMPLES_A_TENTH: usize = RATE / 10;
/// Longest recording in tenths of a second: ten minutes, 4.8 MB.
const TENTHS_MAX: usize = 6_000;
/// The midpoint of 8-bit samples: silence.
const SILENCE: u8 = 128;
const LOUDNESS: f32 = 24.0;
/// Syllables per second; a hum swells and fades with each.
const SYLLABLES: f32 = 4.0;
const HEADER_LEN: usize = 44;

/// Serves recordings on their own port, as a telephony provider would, until the runtime ends.
///
/// # Errors
/// There is no free port.
pub async fn serve() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let routes = Router::new().route("/{name}", get(recording));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

/// The name of the recording of these spans: the role, and from when to when in milliseconds.
pub fn name<'r>(spoken: impl Iterator<Item = (&'r str, i64, i64)>) -> String {
    let spans = spoken.filter_map(|(role, from_ms, to_ms)| {
        let voice = Voice::of(role)?;
        Some(format!("{}{}-{}", voice.letter(), from_ms / 100, to_ms / 100))
    });
    format!("{}.wav", spans.collect::<Vec<_>>().join(","))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Agent,
    Colleague,
    Caller,
}

impl Voice {
    const ALL: [Voice; 3] = [Voice::Agent, Voice::Colleague, Voice::Caller];

    fn of(role: &str) -> Option<Voice> {
        match role {
            "assistant" => Some(Voice::Agent),
            "human" => Some(Voice::Colleague),
            "user" => Some(Voice::Caller),
            _ => None,
        }
    }

    const fn letter(self) -> char {
        match self {
            Voice::Agent => 'a',
            Voice::Colleague => 'h',
            Voice::Caller => 'u',
        }
    }

    /// Hertz.
    const fn pitch(self) -> f32 {
        match self {
            Voice::Agent => 150.0,
            Voice::Colleague => 190.0,
            Voice::Caller => 240.0,
        }
    }
}

async fn recording(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(wav) = wav(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let kind = [(header::CONTENT_TYPE, "audio/wav"), (header::ACCEPT_RANGES, "bytes")];
    // A player that seeks asks only for the rest of the recording.
    match headers.get(header::RANGE).and_then(|range| range_of(range.to_str().ok()?, wav.len())) {
        Some((from, to)) => {
            let part = [(header::CONTENT_RANGE, format!("bytes {from}-{}/{}", to - 1, wav.len()))];
            (StatusCode::PARTIAL_CONTENT, kind, part, wav[from..to].to_vec()).into_response()
        }
        None => (kind, wav).into_response(),
    }
}

/// The bytes that `bytes=5-9` or `bytes=5-` asks for, as first and one past the last; `None` if they cannot be served.
fn range_of(range: &str, len: usize) -> Option<(usize, usize)> {
    let (from, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to = if last.is_empty() { len } else { last.parse::<usize>().ok()?.checked_add(1)?.min(len) };
    (from < to).then_some((from, to))
}

/// The sound for a name; `None` if it does not have the form above.
fn wav(name: &str) -> Option<Vec<u8>> {
    let spans: Vec<(Voice, usize, usize)> =
        name.strip_suffix(".wav")?.split(',').map(span).collect::<Option<_>>()?;
    let tenths = spans.iter().map(|(.., to)| *to).max()?;
    let mut wav = header(tenths * SAMPLES_A_TENTH);
    wav.resize(wav.len() + tenths * SAMPLES_A_TENTH, SILENCE);
    for (voice, from, to) in spans {
        let begin = HEADER_LEN + from * SAMPLES_A_TENTH;
        for (n, sample) in wav[begin..HEADER_LEN + to * SAMPLES_A_TENTH].iter_mut().enumerate() {
            let seconds = n as f32 / RATE as f32;
            let swell = (seconds * SYLLABLES * TAU / 2.0).sin().powi(2);
            let hum = (seconds * voice.pitch() * TAU).sin();
            *sample = (f32::from(*sample) + LOUDNESS * swell * hum) as u8;
        }
    }
    Some(wav)
}

/// `u57-90`: who, from when, until when.
fn span(text: &str) -> Option<(Voice, usize, usize)> {
    let voice = Voice::ALL.into_iter().find(|voice| text.starts_with(voice.letter()))?;
    let (from, to) = text[1..].split_once('-')?;
    let (from, to) = (from.parse().ok()?, to.parse().ok()?);
    (from <= to && to <= TENTHS_MAX).then_some((voice, from, to))
}

/// The header of a WAV file with one channel and this many 8-bit samples.
fn header(num_samples: usize) -> Vec<u8> {
    let number = |number: usize| (number as u32).to_le_bytes();
    let mut header = Vec::with_capacity(HEADER_LEN + num_samples);
    header.extend(b"RIFF");
    header.extend(number(HEADER_LEN - 8 + num_samples));
    header.extend(b"WAVEfmt ");
    header.extend(number(16));
    header.extend([1, 0, 1, 0]); // PCM, one channel
    header.extend(number(RATE));
    header.extend(number(RATE)); // bytes per second
    header.extend([1, 0, 8, 0]); // bytes and bits per sample
    header.extend(b"data");
    header.extend(number(num_samples));
    header
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_hums_where_somebody_spoke_and_is_silent_between() {
        let said = [("assistant", 700, 5_200), ("tool", 5_300, 5_400), ("user", 5_700, 9_000)];
        let name = name(said.into_iter());
        assert_eq!(name, "a7-52,u57-90.wav");
        let wav = wav(&name).unwrap();
        assert_eq!(wav.len(), HEADER_LEN + 9 * RATE);
        assert_eq!((&wav[..4], &wav[36..40]), (&b"RIFF"[..], &b"data"[..]));
        let is_silent = |from_ms: usize, to_ms: usize| {
            wav[HEADER_LEN + from_ms * 8..HEADER_LEN + to_ms * 8].iter().all(|sample| *sample == SILENCE)
        };
        assert!(is_silent(0, 700) && is_silent(5_200, 5_700));
        assert!(!is_silent(700, 5_200) && !is_silent(5_700, 9_000));
    }

    #[test]
    fn other_names_and_endless_calls_are_no_recordings() {
        for name in ["", "a1-2", "x1-2.wav", "a2-1.wav", "a1-9999999.wav", "a1.wav", "é1-2.wav", ".wav"] {
            assert_eq!(wav(name), None, "{name}");
        }
    }

    #[test]
    fn a_part_of_a_recording_can_be_asked_for() {
        assert_eq!(range_of("bytes=5-", 10), Some((5, 10)));
        assert_eq!(range_of("bytes=5-7", 10), Some((5, 8)));
        assert_eq!(range_of("bytes=5-99", 10), Some((5, 10)));
        for wrong in ["bytes=10-", "bytes=7-5", "bytes=-5", "items=1-2", "bytes=0-1,4-5"] {
            assert_eq!(range_of(wrong, 10), None, "{wrong}");
        }
    }
}
