//! Measures how often today's traffic is recognised correctly, with labelled User-Agents and their share of traffic.
//! Data: `HEARKEN_TEST_DATA`, or else `../shared/data` beside the project; without it these tests are skipped.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::parse;

/// uap-core's family under our name: the product without "Mobile" or the system.
fn browser_of(family: &str) -> &str {
    match family {
        "Mobile Safari" => "Safari",
        "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome",
        "Firefox Mobile" | "Firefox iOS" | "Firefox Beta" => "Firefox",
        "Edge Mobile" => "Edge",
        "DuckDuckGo Mobile" => "DuckDuckGo",
        "Opera Mobile" | "Opera Tablet" => "Opera",
        "Ecosia Android" | "Ecosia iOS" => "Ecosia",
        "Mobile Safari UI/WKWebView" | "Chrome Mobile WebView" => "WebView",
        "IE" | "IE Mobile" => "Internet Explorer",
        "QQ Browser Mobile" => "QQ Browser",
        "WeChat Browser" => "WeChat",
        "VivoBrowser" => "Vivo Browser",
        "MiuiBrowser" => "Mi Browser",
        "Slack Desktop Client" => "Slack",
        "Android" => "Android Browser",
        other => other,
    }
}

/// uap-core's system under our name; uap-core does not distinguish an iPad from an iPhone.
fn os_of<'a>(family: &'a str, user_agent: &str) -> &'a str {
    match family {
        "Mac OS X" => "macOS",
        "iOS" if user_agent.contains("iPad") => "iPadOS",
        "Chrome OS" => "ChromeOS",
        "Ubuntu" => "Linux",
        other => other,
    }
}

#[test]
fn todays_traffic_is_named_right() {
    let Some(rows) = rows("ua_weighted.jsonl.zst") else { return };
    let (mut all, mut browser_right, mut os_right, mut device_right) = (0.0, 0.0, 0.0, 0.0);
    let mut wrong: BTreeMap<String, f64> = BTreeMap::new();
    for row in &rows {
        let (user_agent, weight) = (row["ua"].as_str().unwrap(), row["weight"].as_f64().unwrap());
        let client = parse(user_agent);
        let found = [client.browser, client.os, client.device.map(|device| device.to_string())]
            .map(Option::unwrap_or_default);
        let expected = [
            browser_of(row["browser"].as_str().unwrap()),
            os_of(row["os"].as_str().unwrap(), user_agent),
            row["device"].as_str().unwrap(),
        ];
        all += weight;
        for ((found, expected), right) in
            found.iter().zip(expected).zip([&mut browser_right, &mut os_right, &mut device_right])
        {
            if found == expected {
                *right += weight;
            } else {
                *wrong.entry(format!("{expected} is called {found:?}")).or_default() += weight;
            }
        }
    }
    for (what, weight) in &wrong {
        println!("{:.4} % {what}", 100.0 * weight / all);
    }
    let [browser, os, device] = [browser_right, os_right, device_right].map(|right| 100.0 * right / all);
    println!(
        "by weight of {} user agents: browser {browser:.3} %, os {os:.3} %, device {device:.3} %",
        rows.len()
    );
    assert!(browser >= 99.8 && os >= 99.9 && device >= 99.0, "browser {browser}, os {os}, device {device}");
}

#[test]
fn products_that_matter_are_named_right_wherever_they_run() {
    let Some(rows) = rows("ua.jsonl.zst") else { return };
    let products = [
        "Chrome",
        "Safari",
        "Firefox",
        "Edge",
        "Opera",
        "Opera Mini",
        "Opera GX",
        "Samsung Internet",
        "Brave",
        "DuckDuckGo",
        "Vivaldi",
        "Yandex Browser",
        "Huawei Browser",
        "UC Browser",
        "QQ Browser",
        "Amazon Silk",
        "Internet Explorer",
        "Instagram",
        "Facebook",
        "WeChat",
        "LINE",
        "KakaoTalk",
        "TikTok",
        "Google",
        "GPTBot",
        "CCBot",
    ];
    let (mut all, mut right) = (0, 0);
    for row in &rows {
        let Some(expected) =
            row["browser"].as_str().map(browser_of).filter(|family| products.contains(family))
        else {
            continue;
        };
        let user_agent = row["ua"].as_str().unwrap();
        let found = parse(user_agent).browser.unwrap_or_default();
        all += 1;
        if found == expected {
            right += 1;
        } else {
            println!("{expected} is called {found:?}: {user_agent}");
        }
    }
    println!("{right} of {all} user agents of products that matter");
    assert!(all > 300 && right * 100 >= all * 95, "{right} of {all}");
}

fn rows(file: &str) -> Option<Vec<Value>> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path =
        std::env::var_os("HEARKEN_TEST_DATA").map_or_else(default, PathBuf::from).join("ua").join(file);
    if !path.is_file() {
        assert!(
            std::env::var_os("HEARKEN_REQUIRE_ENGINES").is_none_or(|value| value != "1"),
            "no test data at {}",
            path.display()
        );
        println!("skipped: no test data at {}", path.display());
        return None;
    }
    let text = String::from_utf8(zstd::decode_all(File::open(path).unwrap()).unwrap()).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}
