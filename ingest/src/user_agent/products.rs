//! Products that woothee does not know or misnames.
//!
//! Source: the products' own documentation of their User-Agents and uap-core's families, which agree on these words;
//! the tests in `accuracy` check them against labelled User-Agents. Systems and products die slowly: add rows, rarely
//! remove them.

use super::Device;

/// A mark in lower case, and the product that carries it.
pub(super) type Row = (&'static str, &'static str);

/// The name of the first row whose mark is in a lower-case User-Agent.
pub(super) fn find(rows: &[Row], lower: &str) -> Option<&'static str> {
    rows.iter().find(|(marker, _)| has(lower, marker)).map(|(_, name)| *name)
}

/// True if a mark is a separate word in the text; a number may follow it directly (`iphone17,1`).
pub(super) fn has(lower: &str, marker: &str) -> bool {
    let bytes = lower.as_bytes();
    let ends_in_letter = marker.ends_with(|symbol: char| symbol.is_ascii_alphabetic());
    lower.match_indices(marker).any(|(start, _)| {
        let begins = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
        let goes_on = bytes.get(start + marker.len()).is_some_and(u8::is_ascii_alphabetic);
        begins && !(ends_in_letter && goes_on)
    })
}

/// Apps with an embedded browser come first, because they also carry the marks of that browser; likewise browsers built
/// on Chrome come before Chrome.
pub(super) const APPS: &[Row] = &[
    ("instagram", "Instagram"),
    ("barcelona", "Threads"),
    ("fban/messengerforios", "Facebook Messenger"),
    ("fban/messengerliteforios", "Facebook Messenger"),
    ("orca-android", "Facebook Messenger"),
    ("fban/", "Facebook"),
    ("fbav/", "Facebook"),
    ("fb_iab/", "Facebook"),
    ("snapchat/", "Snapchat"),
    ("musical_ly", "TikTok"),
    ("trill_", "TikTok"),
    ("bytedancewebview/", "TikTok"),
    ("bytelocale/", "TikTok"),
    ("wxwork/", "WeCom"),
    ("micromessenger/", "WeChat"),
    ("line/", "LINE"),
    ("kakaotalk", "KakaoTalk"),
    ("whatsapp/", "WhatsApp"),
    ("telegram-android/", "Telegram"),
    ("telegram-ios/", "Telegram"),
    ("twitterandroid", "Twitter"),
    ("twitter for iphone", "Twitter"),
    ("twitter for ipad", "Twitter"),
    ("linkedinapp", "LinkedIn"),
    ("pinterest/", "Pinterest"),
    ("pinterest for", "Pinterest"),
    ("weibo", "Weibo"),
    ("qq/", "QQ"),
    ("alipayclient/", "Alipay"),
    ("dingtalk/", "DingTalk"),
    ("baiduboxapp/", "Baidu"),
    ("slack_ssb/", "Slack"),
    ("slack/", "Slack"),
    ("teams/", "Microsoft Teams"),
    ("discord/", "Discord"),
    ("zalo", "Zalo"),
    ("viber/", "Viber"),
    ("gsa/", "Google"),
    ("ddg/", "DuckDuckGo"),
    ("duckduckgo/", "DuckDuckGo"),
    ("brave", "Brave"),
    ("ecosia", "Ecosia"),
    ("ucbrowser/", "UC Browser"),
    ("ucweb", "UC Browser"),
    ("ubrowser/", "UC Browser"),
    ("uc browser", "UC Browser"),
    ("opera mini", "Opera Mini"),
    ("opios/", "Opera Mini"),
    ("opt/", "Opera Touch"),
    ("opx/", "Opera GX"),
    ("opr/", "Opera"),
    ("samsungbrowser/", "Samsung Internet"),
    ("yabrowser/", "Yandex Browser"),
    ("yasearchbrowser/", "Yandex Browser"),
    ("vivaldi/", "Vivaldi"),
    ("mqqbrowser", "QQ Browser"),
    ("qqbrowser", "QQ Browser"),
    ("qqbrowserlite/", "QQ Browser"),
    ("miuibrowser/", "Mi Browser"),
    ("huaweibrowser/", "Huawei Browser"),
    ("honorbrowser/", "Honor Browser"),
    ("bdhonorbrowser/", "Honor Browser"),
    ("heytapbrowser/", "HeyTap Browser"),
    ("vivobrowser/", "Vivo Browser"),
    ("hibrowser/", "HiBrowser"),
    ("silk/", "Amazon Silk"),
    ("whale/", "Whale"),
    ("coc_coc_browser/", "Coc Coc"),
    ("alohabrowser/", "Aloha Browser"),
    ("puffin/", "Puffin"),
    ("dolphin", "Dolphin"),
    ("dolphinhdcn/", "Dolphin"),
    ("maxthon", "Maxthon"),
    ("mxbrowser/", "Maxthon"),
    ("avast/", "Avast Secure Browser"),
    ("avastsecurebrowser/", "Avast Secure Browser"),
    ("avg/", "AVG Secure Browser"),
    ("avira/", "Avira"),
    ("ccleaner/", "CCleaner Browser"),
    ("norton/", "Norton Private Browser"),
    ("aolshield/", "AOL Shield"),
    ("slbrowser/", "Smart Lenovo Browser"),
    ("sberbrowser/", "Sber Browser"),
    ("quark/", "Quark"),
    ("quarkpc/", "Quark"),
    ("qihu", "360 Secure Browser"),
    ("360se", "360 Secure Browser"),
    ("metasr", "Sogou Explorer"),
    ("sogoumobilebrowser/", "Sogou Explorer"),
    ("phx/", "Phoenix Browser"),
    ("instabridge/", "Instabridge"),
    ("oculusbrowser/", "Oculus Browser"),
    ("wolvic/", "Wolvic"),
    ("mullvadbrowser/", "Mullvad Browser"),
    ("librewolf/", "LibreWolf"),
    ("waterfox/", "Waterfox"),
    ("palemoon/", "Pale Moon"),
    ("basilisk/", "Basilisk"),
    ("mypal/", "Mypal"),
    ("seamonkey/", "SeaMonkey"),
    ("camino/", "Camino"),
    ("thunderbird/", "Thunderbird"),
    ("ladybird/", "Ladybird"),
    ("epiphany/", "Epiphany"),
    ("konqueror/", "Konqueror"),
    ("falkon/", "Falkon"),
    ("midori/", "Midori"),
    ("comodo_dragon/", "Comodo Dragon"),
    ("iron/", "Iron"),
    ("sailfishbrowser/", "Sailfish Browser"),
    ("nokiabrowser/", "Nokia Browser"),
    ("baidubrowser", "Baidu Browser"),
    ("mintbrowser/", "Mint Browser"),
    ("sznprohlizec/", "Seznam Browser"),
    ("qutebrowser/", "qutebrowser"),
    ("hola/", "Hola Browser"),
    ("outlook-ios-android/", "Outlook"),
    ("microsoft outlook", "Outlook"),
    ("spotify/", "Spotify"),
    ("obs/", "OBS Studio"),
    ("valve steam", "Steam"),
    ("electron/", "Electron"),
    ("qtwebengine/", "QtWebEngine"),
    ("focus/", "Firefox Focus"),
    ("klar/", "Firefox Focus"),
    ("edgw/", "Edge"),
    ("edga/", "Edge"),
    ("edgios/", "Edge"),
    ("edg/", "Edge"),
    ("edge/", "Edge"),
    ("fxios/", "Firefox"),
    ("crios/", "Chrome"),
    ("chromium/", "Chromium"),
    ("mobilesafari/", "Safari"),
];

/// HTTP clients, recognised where the User-Agent does not claim to be a browser.
pub(super) const LIBRARIES: &[Row] = &[
    ("curl/", "curl"),
    ("wget/", "Wget"),
    ("python-requests/", "python-requests"),
    ("python-httpx/", "HTTPX"),
    ("aiohttp/", "aiohttp"),
    ("python-urllib/", "Python-urllib"),
    ("python-urllib3/", "urllib3"),
    ("botocore/", "botocore"),
    ("okhttp/", "okhttp"),
    ("apache-httpclient/", "Apache-HttpClient"),
    ("java/", "Java"),
    ("java-http-client/", "Java-http-client"),
    ("go-http-client/", "Go-http-client"),
    ("axios/", "axios"),
    ("node-fetch/", "node-fetch"),
    ("undici", "undici"),
    ("got/", "got"),
    ("guzzlehttp/", "GuzzleHttp"),
    ("libwww-perl/", "libwww-perl"),
    ("faraday", "Faraday"),
    ("ruby", "Ruby"),
    ("reqwest/", "reqwest"),
    ("hyper/", "hyper"),
    ("dart/", "Dart"),
    ("httpie/", "HTTPie"),
    ("postmanruntime/", "Postman"),
    ("insomnia/", "Insomnia"),
];

/// An operating system, its marks, and the device it usually runs on.
pub(super) struct KnownSystem {
    pub(super) name: &'static str,
    pub(super) markers: &'static [&'static str],
    pub(super) device: Device,
}

const fn system(name: &'static str, markers: &'static [&'static str], device: Device) -> KnownSystem {
    KnownSystem { name, markers, device }
}

/// Systems that imitate others come before those they imitate: Windows Phone names Android and iPhone, Android names
/// Linux, iOS names Mac OS X.
pub(super) const SYSTEMS: &[KnownSystem] = &[
    system("Windows Mobile", &["windows ce", "windowsce", "windows mobile"], Device::Mobile),
    system("Windows Phone", &["windows phone", "iemobile"], Device::Mobile),
    system("Xbox", &["xbox", "xbox one", "xbox series x"], Device::Other),
    system("PlayStation 5", &["playstation 5"], Device::Other),
    system("PlayStation 4", &["playstation 4"], Device::Other),
    system("PlayStation 3", &["playstation 3"], Device::Other),
    system("PlayStation Vita", &["playstation vita"], Device::Other),
    system("Nintendo Switch", &["nintendo switch"], Device::Other),
    system("KaiOS", &["kaios"], Device::Mobile),
    system("webOS", &["web0s", "webos", "hpwos"], Device::Other),
    system("Tizen", &["tizen"], Device::Other),
    system("HarmonyOS", &["openharmony", "harmonyos"], Device::Mobile),
    system("Roku", &["roku"], Device::Other),
    system("tvOS", &["tvos", "apple tv", "appletv"], Device::Other),
    system("watchOS", &["watchos"], Device::Other),
    system("visionOS", &["visionos", "xros"], Device::Other),
    system("Sailfish OS", &["sailfish"], Device::Mobile),
    system("Symbian", &["symbian", "symbianos", "symbos", "series60", "series 60"], Device::Mobile),
    system("BlackBerry", &["blackberry", "bb10", "playbook"], Device::Mobile),
    system("ChromeOS", &["cros", "chromeos"], Device::Desktop),
    system("iPadOS", &["ipad"], Device::Tablet),
    system("iOS", &["iphone", "ipod", "ios"], Device::Mobile),
    system("Android", &["android", "andr0id", "adr"], Device::Mobile),
    system("Windows", &["windows", "win32", "win64", "winnt", "win98", "win95"], Device::Desktop),
    system("Mac OS", &["mac_powerpc"], Device::Desktop),
    system("macOS", &["mac os x", "macintosh", "macos", "macos x"], Device::Desktop),
    system("FreeBSD", &["freebsd"], Device::Desktop),
    system("OpenBSD", &["openbsd"], Device::Desktop),
    system("NetBSD", &["netbsd"], Device::Desktop),
    system("Solaris", &["sunos", "solaris"], Device::Desktop),
    system("Haiku", &["haiku"], Device::Desktop),
    system("Linux", &["linux", "ubuntu", "debian", "fedora"], Device::Desktop),
];

/// Browsers that only exist on iOS: on a supposed Macintosh they reveal an iPad that requests desktop pages.
pub(super) const IOS_ONLY: &[&str] = &["crios/", "fxios/", "edgios/", "opios/", "opt/"];

/// Marks of televisions, set-top boxes and headsets, which otherwise look like Android or Linux.
pub(super) const NOT_HAND_HELD: &[&str] = &[
    "smart-tv",
    "smarttv",
    "smart tv",
    "hbbtv",
    "googletv",
    "google tv",
    "android tv",
    "appletv",
    "apple tv",
    "bravia",
    "crkey",
    "netcast",
    "viera",
    "roku",
    "oculusbrowser/",
    "quest",
    "vr",
    "inettvbrowser/",
    "vidaa",
    "philipstv",
    "nettv",
    "ce-html",
    "chromecast",
    "mibox",
    "mitv",
    "shield android tv",
];

/// Amazon's televisions and sticks name their model, which starts with AFT: AFTKRT, AFTMM, AFTT.
pub(super) fn is_fire_tv(user_agent: &str) -> bool {
    let is_model = |word: &str| {
        let model = word.strip_prefix("AFT").unwrap_or_default();
        !model.is_empty() && model.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    user_agent.split(|symbol: char| !symbol.is_ascii_alphanumeric()).any(is_model)
}

/// Network libraries of phones: whatever uses them is an app.
const APP_LIBRARIES: &[&str] = &["cfnetwork/", "alamofire/", "dalvik/", "okhttp/", "cronet/"];

/// True if it identifies itself as an app on a phone.
pub(super) fn is_app(lower: &str) -> bool {
    APP_LIBRARIES.iter().any(|library| has(lower, library))
        // The form of Apple's networking examples: `App/1.2 (iPhone; iOS 18.1; Scale/3.00)`.
        || (has(lower, "scale/") && ["iphone", "ipad"].iter().any(|device| has(lower, device)))
}
