//! Verifies that webhooks come from the platform they name, by its signature or secret.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How old a signature may be, or how far ahead the sender's clock: ElevenLabs' own clients allow half an hour,
/// Retell's five minutes.
const ELEVENLABS_WINDOW_MS: i64 = 30 * 60 * 1_000;
const RETELL_WINDOW_MS: i64 = 5 * 60 * 1_000;

/// A platform whose webhooks have their own route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// `ElevenLabs-Signature: t=<seconds>,v0=<HMAC-SHA256 of "<seconds>.<body>" in hex>`
    ElevenLabs,
    /// `X-Vapi-Secret: <secret>`
    Vapi,
    /// `X-Retell-Signature: v=<milliseconds>,d=<HMAC-SHA256 of "<body><milliseconds>" in hex>`
    Retell,
}

impl Platform {
    /// All of them.
    pub const ALL: [Platform; 3] = [Platform::ElevenLabs, Platform::Vapi, Platform::Retell];

    /// The name in routes and the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Platform::ElevenLabs => "elevenlabs",
            Platform::Vapi => "vapi",
            Platform::Retell => "retell",
        }
    }

    /// The header with the signature or the secret.
    pub const fn header(self) -> &'static str {
        match self {
            Platform::ElevenLabs => "elevenlabs-signature",
            Platform::Vapi => "x-vapi-secret",
            Platform::Retell => "x-retell-signature",
        }
    }

    /// Checks what can be told before the body arrives: a sender whose header cannot be right need not send it.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub fn check_head(
        self,
        secret: &[u8],
        header: Option<&str>,
        now_ms: i64,
    ) -> Result<(), InvalidSignature> {
        match self.check(secret, header, b"", now_ms) {
            Err(InvalidSignature::Wrong) if self.signs_body() => Ok(()),
            checked => checked,
        }
    }

    /// Whether the header signs the body.
    const fn signs_body(self) -> bool {
        match self {
            Platform::ElevenLabs | Platform::Retell => true,
            Platform::Vapi => false,
        }
    }

    /// Checks the header of a webhook received at `now_ms`, in milliseconds since the epoch.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(
        self,
        secret: &[u8],
        header: Option<&str>,
        body: &[u8],
        now_ms: i64,
    ) -> Result<(), InvalidSignature> {
        let header = header.ok_or(InvalidSignature::Missing(self.header()))?;
        match self {
            Platform::Vapi => {
                // Two MACs of equal secrets are equal, and take as long to compare as any others.
                mac(secret, &[secret])
                    .verify_slice(&mac(secret, &[header.as_bytes()]).finalize().into_bytes())
                    .map_err(|_| InvalidSignature::Wrong)
            }
            Platform::ElevenLabs => {
                let (seconds, signature) =
                    parts(header, "t=", "v0=").ok_or(InvalidSignature::Malformed("t=<seconds>,v0=<hex>"))?;
                check_time(seconds, 1_000, ELEVENLABS_WINDOW_MS, now_ms)?;
                verify(mac(secret, &[seconds.as_bytes(), b".", body]), signature)
            }
            Platform::Retell => {
                let (millis, signature) = parts(header, "v=", "d=")
                    .ok_or(InvalidSignature::Malformed("v=<milliseconds>,d=<hex>"))?;
                check_time(millis, 1, RETELL_WINDOW_MS, now_ms)?;
                verify(mac(secret, &[body, millis.as_bytes()]), signature)
            }
        }
    }
}

/// Why a webhook is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSignature {
    /// The header is missing.
    #[error("the header `{0}` is missing; set the secret on the platform, too")]
    Missing(&'static str),
    /// The header is malformed.
    #[error("the signature is malformed; it must be `{0}`")]
    Malformed(&'static str),
    /// It was made too long ago, or lies in the future.
    #[error(
        "the signature is {0} s off this server's clock; a webhook may not be resent that late, and clocks must be right"
    )]
    OutOfTime(i64),
    /// It does not match the secret and the body.
    #[error("the signature is wrong; the secret here and that of the platform must be the same")]
    Wrong,
}

/// Both parts of `<time><digits>,<signature><hex>`, in either order; other parts belong to other versions.
fn parts<'a>(header: &'a str, time: &str, signature: &str) -> Option<(&'a str, &'a str)> {
    let part = |name: &str| header.split(',').find_map(|part| part.trim().strip_prefix(name));
    Some((part(time)?, part(signature)?))
}

fn check_time(time: &str, unit_ms: i64, window_ms: i64, now_ms: i64) -> Result<(), InvalidSignature> {
    let time: i64 = time.parse().map_err(|_| InvalidSignature::Malformed("a time in digits"))?;
    let distance_ms = now_ms.saturating_sub(time.saturating_mul(unit_ms)).saturating_abs();
    if distance_ms > window_ms { Err(InvalidSignature::OutOfTime(distance_ms / 1_000)) } else { Ok(()) }
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac
}

fn verify(mac: Hmac<Sha256>, signature: &str) -> Result<(), InvalidSignature> {
    let signature = of_hex(signature).ok_or(InvalidSignature::Malformed("a signature in hex"))?;
    mac.verify_slice(&signature).map_err(|_| InvalidSignature::Wrong)
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"wsec_test";
    const NOW_MS: i64 = 1_700_000_000_000;

    #[test]
    fn signatures_are_what_the_platforms_own_clients_make() {
        // Generated with Python: hmac.new(b"wsec_test", message, sha256).hexdigest()
        let body = br#"{"a":1}"#;
        let elevenlabs = "t=1700000000,v0=46c80693bcd6e7899b680f38f4ceb87fc5b1833ada76ac45f80bebd8e2bec959";
        let retell = "v=1700000000000,d=384c2bc3b36df02ed409b04d7faf4c473f8080d3e206b29c576219c9a4d07133";
        let check = |platform: Platform, header: &str, body: &[u8], now_ms: i64| {
            platform.check(SECRET, Some(header), body, now_ms)
        };
        for (platform, header, window_ms) in [
            (Platform::ElevenLabs, elevenlabs, ELEVENLABS_WINDOW_MS),
            (Platform::Retell, retell, RETELL_WINDOW_MS),
        ] {
            assert_eq!(check(platform, header, body, NOW_MS), Ok(()), "{platform:?}");
            assert_eq!(check(platform, header, body, NOW_MS + window_ms), Ok(()));
            assert_eq!(check(platform, header, br#"{"a":2}"#, NOW_MS), Err(InvalidSignature::Wrong));
            assert_eq!(platform.check_head(SECRET, Some(header), NOW_MS), Ok(()), "the body may be right");
            assert_eq!(platform.check(b"other", Some(header), body, NOW_MS), Err(InvalidSignature::Wrong));
            for late in [NOW_MS + window_ms + 1, NOW_MS - window_ms - 1] {
                let seconds = window_ms / 1_000;
                let out_of_time = Err(InvalidSignature::OutOfTime(seconds));
                assert_eq!(check(platform, header, body, late), out_of_time);
                assert_eq!(platform.check_head(SECRET, Some(header), late), out_of_time);
            }
            for malformed in [
                "",
                "t=,v0=",
                "v=1",
                "t=1700000000,v0=xyz",
                "v=1700000000000,d=abc",
                "t=-99999999999999999999,v0=00",
            ] {
                assert!(
                    matches!(check(platform, malformed, body, NOW_MS), Err(InvalidSignature::Malformed(_))),
                    "{malformed}"
                );
            }
        }
        assert_eq!(check(Platform::Vapi, "wsec_test", body, NOW_MS), Ok(()));
        assert_eq!(check(Platform::Vapi, "wsec_tesT", body, NOW_MS), Err(InvalidSignature::Wrong));
        let guessed = Platform::Vapi.check_head(SECRET, Some("wsec_tesT"), NOW_MS);
        assert_eq!(guessed, Err(InvalidSignature::Wrong), "there is nothing to wait for");
        for platform in Platform::ALL {
            let missing = InvalidSignature::Missing(platform.header());
            assert_eq!(platform.check(SECRET, None, body, NOW_MS), Err(missing));
        }
    }
}
