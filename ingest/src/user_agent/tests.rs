//! Names, devices and the cache by example.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

/// Checks browser, system and device; `-` means unknown.
fn check(user_agent: &str, expected: &str) {
    let client = parse(user_agent);
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let found = format!(
        "{}, {}, {}",
        text(client.browser),
        text(client.os),
        text(client.device.map(|device| device.to_string()))
    );
    assert_eq!(found, expected, "{user_agent}");
}

const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const IPAD: &str = "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
const MAC: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)";
const ANDROID: &str = "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko)";
const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";

#[test]
fn the_browsers_of_today_have_their_own_names() {
    check(&format!("{WINDOWS} Chrome/153.0.0.0 Safari/537.36"), "Chrome, Windows, desktop");
    check(&format!("{ANDROID} Chrome/153.0.0.0 Mobile Safari/537.36"), "Chrome, Android, mobile");
    check(&format!("{ANDROID} Chrome/153.0.0.0 Safari/537.36"), "Chrome, Android, tablet");
    check(&format!("{IPHONE} CriOS/154.0 Mobile/15E148 Safari/604.1"), "Chrome, iOS, mobile");
    check(&format!("{IPAD} Version/26.0 Mobile/15E148 Safari/604.1"), "Safari, iPadOS, tablet");
    check(&format!("{MAC} Version/26.0 Safari/605.1.15"), "Safari, macOS, desktop");
    check(
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/152.0.0.0 Safari/537.36",
        "Chrome, ChromeOS, desktop",
    );
    check(
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:154.0) Gecko/20100101 Firefox/154.0",
        "Firefox, Linux, desktop",
    );
    check("Mozilla/5.0 (Android 16; Mobile; rv:156.0) Gecko/156.0 Firefox/156.0", "Firefox, Android, mobile");
    check("Mozilla/5.0 (Android 16; Tablet; rv:156.0) Gecko/156.0 Firefox/156.0", "Firefox, Android, tablet");
    check(&format!("{IPHONE} FxiOS/156.1 Mobile/15E148 Safari/604.1"), "Firefox, iOS, mobile");
    check(&format!("{WINDOWS} Chrome/154.0.0.0 Safari/537.36 Edg/154.0.0.0"), "Edge, Windows, desktop");
    check(
        &format!("{ANDROID} Chrome/154.0.0.0 Mobile Safari/537.36 EdgA/154.0.0.0"),
        "Edge, Android, mobile",
    );
    check(&format!("{IPHONE} EdgiOS/153.0 Version/26.0 Mobile/15E148 Safari/604.1"), "Edge, iOS, mobile");
    check(
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
        "Internet Explorer, Windows, desktop",
    );
}

#[test]
fn browsers_that_dress_as_others_are_named_right() {
    check(&format!("{IPHONE} Version/26.6 Mobile/15E148 Safari/604.1 Brave"), "Brave, iOS, mobile");
    check(&format!("{IPAD} Mobile/15E148 Safari/604.1 (Brave)"), "Brave, iPadOS, tablet");
    check(&format!("{ANDROID} Chrome/99.0 Mobile Safari/537.36 Brave/1.40.128"), "Brave, Android, mobile");
    check(&format!("{IPHONE} Version/26.6 Mobile/15E148 Safari/604.1 Ddg/26.6"), "DuckDuckGo, iOS, mobile");
    check(&format!("{MAC} Version/26.6 Safari/605.1.15 Ddg/26.6"), "DuckDuckGo, macOS, desktop");
    check(
        &format!("{WINDOWS} Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0 Ddg/130.0"),
        "DuckDuckGo, Windows, desktop",
    );
    check(
        &format!("{ANDROID} Version/4.0 Chrome/153.0.0.0 Mobile DuckDuckGo/5 Safari/537.36"),
        "DuckDuckGo, Android, mobile",
    );
    check(&format!("{IPHONE} Version/26.6 Mobile/15E148 Safari/604.1 OPT/6.7.3"), "Opera Touch, iOS, mobile");
    check(&format!("{WINDOWS} Chrome/152.0.0.0 Safari/537.36 OPR/136.0.0.0"), "Opera, Windows, desktop");
    check(&format!("{LINUX} Chrome/144.0 Safari/537.36 OPX/3.1"), "Opera GX, Linux, desktop");
    check(
        "Opera/9.80 (Android; Opera Mini/7.5.33361/31.1543; U; en) Presto/2.8.119 Version/11.1010",
        "Opera Mini, Android, mobile",
    );
    check(
        "Opera/9.80 (Android 4.0; Linux; Opera Mobi/ADR-1; U; en) Presto/2.11.355 Version/12.10",
        "Opera, Android, mobile",
    );
    check(
        &format!("{ANDROID} SamsungBrowser/30.0 Chrome/143.0.0.0 Mobile Safari/537.36"),
        "Samsung Internet, Android, mobile",
    );
    check(
        &format!("{WINDOWS} Chrome/140.0 YaBrowser/25.10 Safari/537.36"),
        "Yandex Browser, Windows, desktop",
    );
    check(&format!("{MAC} Chrome/90.0 Safari/537.36 Vivaldi/3.7"), "Vivaldi, macOS, desktop");
    check(
        &format!("{ANDROID} Chrome/99.0 HuaweiBrowser/14.0 Mobile Safari/537.36"),
        "Huawei Browser, Android, mobile",
    );
    check(
        &format!("{ANDROID} Version/4.0 Chrome/100.0 UCBrowser/13.4 Mobile Safari/537.36"),
        "UC Browser, Android, mobile",
    );
    check(
        "Mozilla/5.0 (Linux; Android 11; KFTRWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/120.1 like Chrome/120.0 Safari/537.36",
        "Amazon Silk, Android, tablet",
    );
    check(
        "Mozilla/5.0 (Macintosh; U; Intel Mac OS X 10_6_3; en-us; Silk/1.1.0-80) AppleWebKit/533.16 (KHTML, like Gecko) Version/5.0 Safari/533.16",
        "Amazon Silk, Android, tablet",
    );
    // These browsers only exist on iOS: an iPad that requests desktop pages.
    check(&format!("{MAC} CriOS/154 Version/11.1.1 Safari/605.1.15"), "Chrome, iPadOS, tablet");
    // A word inside another is not a mark.
    check(
        "Mozilla/5.0 (Linux; Android 7.1.2; Nexus 6P Build/WHALE) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/65.0 Mobile Safari/537.36",
        "Chrome, Android, mobile",
    );
}

#[test]
fn browsers_inside_apps_are_named_after_the_app() {
    check(&format!("{IPHONE} GSA/439.4 Mobile/15E148 Safari/604.1"), "Google, iOS, mobile");
    check(
        &format!("{IPHONE} Mobile/15E148 Instagram 330.0.0 (iPhone15,2; iOS 18_7; en_US)"),
        "Instagram, iOS, mobile",
    );
    check(
        &format!("{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/450.0;FBDV/iPhone15,2]"),
        "Facebook, iOS, mobile",
    );
    check(
        &format!("{ANDROID} Version/4.0 Chrome/120 Mobile Safari/537.36 [FB_IAB/Orca-Android;FBAV/440.0]"),
        "Facebook Messenger, Android, mobile",
    );
    check(
        &format!("{WINDOWS} Chrome/126.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20"),
        "WeChat, Windows, desktop",
    );
    check(&format!("{IPHONE} Mobile/15E148"), "WebView, iOS, mobile");
    check(
        "Mozilla/5.0 (Linux; Android 15; V2302 Build/AP3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/153.0 Mobile Safari/537.36",
        "WebView, Android, mobile",
    );
    check("Luminary/70 CFNetwork/978.0.7 Darwin/18.5.0", "Luminary, iOS, mobile");
}

#[test]
fn bots_go_by_their_own_names() {
    check(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "GPTBot, -, bot",
    );
    check(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "ClaudeBot, -, bot",
    );
    check(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
        "ChatGPT-User, -, bot",
    );
    check("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot, -, bot");
    check(
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Googlebot, Android, bot",
    );
    check("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot, -, bot");
    check(
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "facebookexternalhit, -, bot",
    );
    check("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Slackbot-LinkExpanding, -, bot");
    check("Screaming Frog SEO Spider/20.0", "Screaming Frog SEO Spider, -, bot");
    check("Altresium/4.6 (+http://www.altresium.com/bot.html)", "Altresium, -, bot");
    check(&format!("{LINUX} HeadlessChrome/120.0 Safari/537.36"), "HeadlessChrome, Linux, bot");
    // A phone brand, not a robot.
    check(
        "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
        "Chrome, Android, mobile",
    );
    check(
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36",
        "Chrome, Android, mobile",
    );
}

#[test]
fn other_devices_and_programs() {
    check("curl/8.5.0", "curl, -, other");
    check("python-requests/2.31.0", "python-requests, -, other");
    check("okhttp/4.12.0", "okhttp, -, other");
    check("Dalvik/2.1.0 (Linux; U; Android 14; SM-S911B Build/UP1A)", "-, Android, mobile");
    check(
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/108.0 Safari/537.36",
        "Chrome, webOS, other",
    );
    check(
        "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
        "Safari, PlayStation 5, other",
    );
    check(
        "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
        "Firefox, KaiOS, mobile",
    );
    check(
        "Mozilla/5.0 (X11; FreeBSD amd64; rv:109.0) Gecko/20100101 Firefox/115.0",
        "Firefox, FreeBSD, desktop",
    );
    check(
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
        "Internet Explorer, Windows, desktop",
    );
}

#[test]
fn an_app_is_not_a_bot_whatever_its_name_ends_with() {
    check("iRobot/7.9.2 CFNetwork/1474 Darwin/23.0.0", "iRobot, iOS, mobile");
    check("iRobot/7.9.2 CFNetwork/1410.0.3 Darwin/22.6.0", "iRobot, iOS, mobile");
    check("iRobot/7.9.2 (iPhone; iOS 17.1; Scale/3.00)", "iRobot, iOS, mobile");
    check("ShopBot/3.1 (Android 14; Pixel 8) okhttp/4.12.0", "ShopBot, Android, mobile");
    check("Talkbot/2 (iPad; iOS 17.1; Scale/2.00)", "Talkbot, iPadOS, tablet");
    check("Acme%20Shop/12 CFNetwork/1496.0.7 Darwin/23.5.0", "Acme Shop, iOS, mobile");
    // A crawler identifies itself even when written with such a library.
    check("ShopBot/3.1 (+https://shop.example/bot) okhttp/4.12.0", "ShopBot, -, bot");
    check("Bytespider", "Bytespider, -, bot");
    check("Dart/3.2 (dart:io)", "Dart, -, other");
}

#[test]
fn an_android_device_is_not_a_bot_whatever_its_name_ends_with() {
    let android = |device: &str, browser: &str| {
        format!("Mozilla/5.0 ({device}) AppleWebKit/537.36 (KHTML, like Gecko) {browser} Safari/537.36")
    };
    for device in [
        "Linux; Android 13; TAB_BOT",
        "Linux; Android 11; YESTEL T5 BOT Build/RP1A.200720.011",
        "Linux; U; Android 7.1.2; en-us; KidsBot Tab 3 Build/N2G47H",
        "Linux; Android 12; Spider 10",
    ] {
        check(&android(device, "Chrome/126.0"), "Chrome, Android, tablet");
        check(&android(device, "Chrome/126.0 Mobile"), "Chrome, Android, mobile");
    }
    check(
        "Mozilla/5.0 (Android 13; TAB_BOT; rv:140.0) Gecko/140.0 Firefox/140.0",
        "Firefox, Android, tablet",
    );
    // A bot that says so is still one, even on such a device or inside its parentheses.
    check(
        &(android("Linux; Android 6.0.1; TAB_BOT", "Chrome/126.0 Mobile") + " (compatible; Acmebot/1.0)"),
        "Acmebot, Android, bot",
    );
    check(&android("Linux; Android 10; Acmebot/2.1", "Chrome/126.0"), "Acmebot, Android, bot");
    check("Mozilla/5.0 (Android 3.0; AcmeSpider; +http://spider.example/)", "AcmeSpider, Android, bot");
    check("Mozilla/5.0 (compatible; Acmebot; Android 10)", "Acmebot, Android, bot");
}

#[test]
fn televisions_are_not_tablets() {
    let android = |model: &str| {
        format!(
            "Mozilla/5.0 (Linux; Android 9; {model}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
        )
    };
    for model in
        ["AFTKRT Build/PS7652", "AFTMM", "AFTSSS", "AFTR", "AFTA", "BRAVIA 4K UR3", "Chromecast", "MIBOX4"]
    {
        check(&android(model), "Chrome, Android, other");
    }
    check(
        "Mozilla/5.0 (Linux; Android 11; AFTKRT) AppleWebKit/537.36 (KHTML, like Gecko) Silk/126.1 like Chrome/126.0 Safari/537.36",
        "Amazon Silk, Android, other",
    );
    check("Dalvik/2.1.0 (Linux; U; Android 9; AFTKRT Build/PS7652)", "-, Android, other");
    // A word that merely starts like them.
    check(&android("Aftershock"), "Chrome, Android, tablet");
}

#[test]
fn nothing_is_made_up() {
    for user_agent in [
        "",
        " ",
        "-",
        "Mozilla/5.0",
        "UNKNOWN",
        "null",
        "fake/1.0",
        "\0",
        "😀",
        "(((",
        "https://example.com/",
    ] {
        let (client, outcome) = UserAgentParser::new().parse(user_agent);
        assert_eq!((client, outcome), (UserAgent::default(), ParseOutcome::Unknown), "{user_agent:?}");
    }
}

#[test]
fn the_cache_answers_like_the_parser_and_is_bounded() {
    let mut parser = UserAgentParser::new();
    let user_agent = format!("{WINDOWS} Chrome/153.0.0.0 Safari/537.36");
    let (first, outcome) = parser.parse(&user_agent);
    assert_eq!(outcome, ParseOutcome::Parsed);
    assert_eq!(parser.parse(&format!(" {user_agent} ")), (first, ParseOutcome::Cached));
    for number in 0..CACHED_CLIENTS_MAX.get() + 10 {
        parser.parse(&format!("agent {number}"));
    }
    assert_eq!(parser.cache.len(), CACHED_CLIENTS_MAX.get());
    assert_eq!(parser.parse(&user_agent).1, ParseOutcome::Parsed);
}

#[test]
fn a_megabyte_is_judged_by_its_beginning() {
    let mut parser = UserAgentParser::new();
    let long = format!("{WINDOWS} Chrome/153.0.0.0 Safari/537.36 {}", "x😀".repeat(200_000));
    assert_eq!(parser.parse(&long).0.browser.as_deref(), Some("Chrome"));
    for text in ["(".repeat(1 << 20), "bot/".repeat(1 << 18), "\0".repeat(1 << 20), "Chrome/".repeat(1 << 17)]
    {
        parser.parse(&text);
    }
    assert!(parser.cache.iter().all(|(key, _)| key.len() <= PARSED_BYTES_MAX));
}

proptest! {
    #[test]
    fn any_text_is_harmless(noise in "\\PC{0,60}", words in prop::collection::vec("Mozilla/5.0|\\(Linux; Android|Chrome/1|bot|Opera|DoCoMo|KDDI-|CFNetwork/|;|\\)|Windows |compatible;|\\+http://|/|%20", 0..12)) {
        let text = format!("{}{noise}{}", words.concat(), words.join(" "));
        let client = parse(&text);
        for value in [client.browser, client.os].into_iter().flatten() {
            prop_assert!(!value.trim().is_empty() && value != "UNKNOWN" && value.len() <= 64, "{value:?}");
        }
    }
}
