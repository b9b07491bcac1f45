//! User-Agents that people reported as misrecognised elsewhere; `docs/tried.md` lists the reports.
#![allow(clippy::unwrap_used)]

use hearken_ingest::user_agent::{Device, UserAgentParser};

#[test]
fn devices_are_what_they_are_whatever_their_names_hold() {
    let android = |system: &str, end: &str| {
        format!(
            "Mozilla/5.0 (Linux; Android {system}) AppleWebKit/537.36 (KHTML, like Gecko) {end} Safari/537.36"
        )
    };
    for (user_agent, device, browser) in [
        (
            android("5.1; FEVER Build/LMY47D; wv", "Version/4.0 Chrome/49.0.2623.105 Mobile"),
            Device::Mobile,
            "Android WebView",
        ),
        (android("7.0; BAH-L09", "Chrome/70.0.3538.80"), Device::Tablet, "Chrome"),
        (android("6.0.1; SM-N930F Build/MMB29K", "Chrome/52.0.2743.98 Mobile"), Device::Mobile, "Chrome"),
        (
            android("5.1.1; SAMSUNG SM-P601 Build/LMY47X", "SamsungBrowser/3.3 Chrome/38.0.2125.102"),
            Device::Tablet,
            "Samsung Internet",
        ),
        (android("4.2.2; GT-P5210 Build/JDQ39", "Chrome/32.0.1700.99"), Device::Tablet, "Chrome"),
    ] {
        let (client, _) = UserAgentParser::new().parse(&user_agent);
        assert_eq!(client.device, Some(device), "{user_agent}");
        assert_eq!(client.os.as_deref(), Some("Android"), "{user_agent}");
        // What to call a web view is up to the list.
        assert!(client.browser.as_deref() == Some(browser) || browser == "Android WebView", "{client:?}");
    }
}
