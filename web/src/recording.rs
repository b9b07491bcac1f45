//! Call recordings: played from configured hosts, a link elsewhere.

use crate::handlers::CONTENT_SECURITY_POLICY;

/// Whether pages may play this address. `hosts` are names; a leading `*.` means every host below.
pub(crate) fn is_playable(url: &str, hosts: &[String]) -> bool {
    let Some(rest) = web_address(url) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    // Browsers read a backslash as a slash, and what precedes an `@` as a user.
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-".contains(&byte));
    is_plain
        && hosts.iter().any(|allowed| match allowed.strip_prefix('*') {
            Some(below) => host.len() > below.len() && host.ends_with(below),
            None => host == *allowed,
        })
}

/// Whether an address may be a link: those in conversations are hostile text, and `javascript:` is an address
/// too.
pub(crate) fn is_web_address(url: &str) -> bool {
    web_address(url).is_some()
}

/// The part after the scheme.
fn web_address(url: &str) -> Option<&str> {
    url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))
}

/// The policy of a page that plays recordings from these hosts.
pub(crate) fn policy(hosts: &[String]) -> String {
    format!("{CONTENT_SECURITY_POLICY}; media-src {}", hosts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_hosts_are_played() {
        let hosts = ["calls.example".to_owned(), "*.cdn.example".to_owned(), "local.example:8443".to_owned()];
        for url in [
            "https://calls.example/a.wav",
            "http://CALLS.example?id=1",
            "https://eu.cdn.example/x",
            "https://local.example:8443/x",
        ] {
            assert!(is_playable(url, &hosts), "{url}");
        }
        for url in [
            "https://calls.example.evil/a.wav",
            "https://calls.example@evil.example/a.wav",
            "https://evil.example/calls.example",
            "https://evil.example\\@calls.example",
            "https://evil.example\\x.cdn.example",
            "https://cdn.example/x",
            "https://xcdn.example/x",
            "https://calls.example:1/x",
            "javascript:alert(1)//calls.example",
            "calls.example/a.wav",
        ] {
            assert!(!is_playable(url, &hosts), "{url}");
        }
    }
}
