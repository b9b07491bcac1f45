//! What a file and an environment turn into, and what is said about wrong ones.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use hearken_billing::MinuteRounding;
use hearken_config::{AnalysisEngine, Config, ConfigErrors, IpPolicy, LogFormat};
use hearken_config::{IndexEngine, OpenSearchCredentials};
use hearken_config::{RetentionOf, RetentionRule};
use hearken_model::PersonalData;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Config::load(Some((Path::new("hearken.toml"), text)), variables)
}

fn ok(text: &str, variables: &[(&str, &str)]) -> Config {
    load(text, variables).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The errors, one per line.
fn errors(text: &str, variables: &[(&str, &str)]) -> String {
    load(text, variables).expect_err("something is wrong").to_string()
}

#[test]
fn nothing_at_all_is_the_default_and_the_default_has_the_documented_values() {
    let config = Config::load(None, []).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.kafka, None);
    assert_eq!(config.geoip, None);
    assert_eq!(config.ingest.idle_timeout, Duration::from_secs(1800));
    assert_eq!(config.ingest.refresh_interval, Duration::from_millis(5));
    assert_eq!(config.ingest.flush_interval, Duration::from_secs(1));
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.privacy.ip, IpPolicy::Keep);
    assert_eq!(config.billing.currency, "USD");
    assert_eq!(config.analysis.engine, AnalysisEngine::BuiltIn);
}

#[test]
fn a_kafka_section_needs_its_servers_and_has_defaults_for_the_rest() {
    let kafka = ok("[kafka]\nbootstrap_servers = 'a:9092, b:9092'", &[]).kafka.unwrap();
    assert_eq!(kafka.bootstrap_servers, "a:9092,b:9092");
    assert_eq!(kafka.topics, ["interactions"]);
    assert_eq!(kafka.group_id, "hearken");
    assert_eq!(kafka.dead_letter_topic, "interactions.dlq");
    let listed = ok("[kafka]\nbootstrap_servers = ['a:9092', '[::1]:9092']", &[]).kafka.unwrap();
    assert_eq!(listed.bootstrap_servers, "a:9092,[::1]:9092");
    assert_eq!(
        errors("\n[kafka]\n", &[]),
        "hearken.toml:2:2: `kafka.bootstrap_servers` is missing, `[kafka]` needs it; \
         write bootstrap_servers = \"localhost:9092\""
    );
    assert!(errors("", &[("HEARKEN_KAFKA__TOPICS", "a")]).starts_with("HEARKEN_KAFKA__TOPICS: "));
}

#[test]
fn settings_about_trust_must_be_complete() {
    let http = ok("[http]\nrecording_hosts = ['Calls.example:8443', '*.cdn.example']", &[]).http;
    assert_eq!(http.recording_hosts, ["calls.example:8443", "*.cdn.example"]);
    let report = errors("[http]\nrecording_hosts = ['https://calls.example/x', '*']", &[]);
    assert!(
        report.contains("`http.recording_hosts` names `https://calls.example/x`, which is not a host"),
        "{report}"
    );
    let http = ok(
        "[http]\nkeys_file = 'keys.toml'\ntrusted_proxies = ['10.0.0.5', '2001:db8::/32']\n\
         [http.sign_on]\nuser_header = 'X-User'\norganizations_header = 'X-Groups'\npermissions = ['search', 'read']\n\
         [http.tls]\ncertificate = 'a'\nkey = 'b'",
        &[],
    )
    .http;
    assert_eq!(http.trusted_proxies[0].to_string(), "10.0.0.5/32");
    assert_eq!(http.sign_on.unwrap().permissions, ["search", "read"]);
    assert_eq!(http.tls.unwrap().key, Path::new("b"));
    let none =
        errors("[http.sign_on]\nuser_header = 'X User'\npermissions = ['all']\n[http.tls]\nkey = 'b'", &[]);
    for told in [
        "there are no `http.trusted_proxies`",
        "needs `http.keys_file`",
        "`http.sign_on.user_header` is `X User`, which is not the name of a header",
        "`http.sign_on.organizations_header` is missing",
        "names `all`, which is not a permission",
        "`http.tls.certificate` is missing",
    ] {
        assert!(none.contains(told), "{told}: {none}");
    }
    assert!(
        errors("[http]\ntrusted_proxies = ['proxy.example']", &[]).contains("write addresses or networks")
    );
    assert!(errors("[http.sign_on]\npermissions = []", &[]).contains("name at least one permission"));
}

#[test]
fn the_environment_wins_over_the_file_key_by_key() {
    let text = "[http]\nlisten = '127.0.0.1:1'\n[ingest]\nidle_timeout = '1h'";
    let config = ok(text, &[("HEARKEN_HTTP__LISTEN", "[::1]:2"), ("HEARKEN_LOG__FORMAT", "json")]);
    assert_eq!(config.http.listen.to_string(), "[::1]:2");
    assert_eq!(config.ingest.idle_timeout, Duration::from_secs(3600));
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_wrong_value_in_the_file_does_not_matter_when_a_variable_replaces_it() {
    let config = ok("[http]\nlisten = 'nowhere'", &[("HEARKEN_HTTP__LISTEN", "localhost:2")]);
    assert_eq!(config.http.listen.to_string(), "127.0.0.1:2");
}

#[test]
fn only_names_with_a_section_and_a_key_are_configuration() {
    let others = [
        ("HEARKEN_CONFIG", "x"),
        ("HEARKEN_TEST_DATA", "y"),
        ("PATH", "z"),
        ("OTHER__KEY", "1"),
        ("hearken__x", "1"),
    ];
    assert_eq!(ok("", &others), Config::default());
}

#[test]
fn lists_from_variables_are_separated_by_commas_or_written_in_toml() {
    let topics = |value: &str| {
        let variables = [("HEARKEN_KAFKA__BOOTSTRAP_SERVERS", "k:9092"), ("HEARKEN_KAFKA__TOPICS", value)];
        ok("", &variables).kafka.unwrap().topics
    };
    assert_eq!(topics("a"), ["a"]);
    assert_eq!(topics("a, b,c"), ["a", "b", "c"]);
    assert_eq!(topics(r#" ["a", 'b'] "#), ["a", "b"]);
    let databases = |value: &str| ok("", &[("HEARKEN_GEOIP__DATABASE", value)]).geoip.unwrap().databases;
    assert_eq!(databases("v4.mmdb,v6.mmdb"), [Path::new("v4.mmdb"), Path::new("v6.mmdb")]);
    assert_eq!(databases("[\"with,comma.mmdb\"]"), [Path::new("with,comma.mmdb")]);
}

#[test]
fn librdkafka_settings_keep_their_dots_however_they_are_written() {
    let text = "[kafka]\nbootstrap_servers = 'k:9092'\n[kafka.librdkafka]\n'security.protocol' = 'SSL'\n\
                sasl.mechanism = 'PLAIN'\n'queued.min.messages' = 1000\n'check.crcs' = true";
    let variables = [
        ("HEARKEN_KAFKA__LIBRDKAFKA__SECURITY_PROTOCOL", "SASL_SSL"),
        ("HEARKEN_KAFKA__LIBRDKAFKA__SASL_PASSWORD", "a,b c"),
    ];
    let kafka = ok(text, &variables).kafka.unwrap();
    let settings: Vec<_> = kafka.librdkafka.iter().collect();
    assert_eq!(
        settings,
        [
            ("check.crcs", "true"),
            ("queued.min.messages", "1000"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.password", "a,b c"),
            ("security.protocol", "SASL_SSL"),
        ]
    );
}

#[test]
fn settings_that_hearken_makes_itself_are_not_accepted_for_librdkafka() {
    let text = "[kafka]\nbootstrap_servers = 'k:9092'\nlibrdkafka = { 'group.id' = 'x' }";
    assert_eq!(
        errors(text, &[]),
        "hearken.toml:3:16: `group.id` is set by Hearken itself; use `kafka.group_id`"
    );
    let variable = [
        ("HEARKEN_KAFKA__BOOTSTRAP_SERVERS", "k"),
        ("HEARKEN_KAFKA__LIBRDKAFKA__ENABLE_AUTO_COMMIT", "true"),
    ];
    assert!(
        errors("", &variable)
            .starts_with("HEARKEN_KAFKA__LIBRDKAFKA__ENABLE_AUTO_COMMIT: `enable.auto.commit`")
    );
}

#[test]
fn unknown_keys_are_refused_with_their_place_and_the_nearest_known_one() {
    let cases = [
        (
            "[http]\n  lisen = 'x'",
            "hearken.toml:2:3: unknown key `http.lisen`; the nearest known key is `http.listen`",
        ),
        ("[kafak]\nx = 1", "hearken.toml:1:2: unknown key `kafak`; the nearest known key is `kafka`"),
        ("listen = 'x'", "hearken.toml:1:1: unknown key `listen`; the nearest known key is `http.listen`"),
        (
            "[index.opensearch]\nflush_interval = '1s'",
            "hearken.toml:2:1: unknown key `index.opensearch.flush_interval`; \
             the nearest known key is `ingest.flush_interval`",
        ),
        (
            "'http.listen' = 'x'",
            "hearken.toml:1:1: unknown key `http.listen`; the nearest known key is `http.listen`",
        ),
        ("http = 3", "hearken.toml:1:1: `http` is a section, not a key; set its keys, such as `http.listen`"),
        (
            "[[billing.prices]]\nmodel = 'm'\ninput_per_million = 1\noutput_per_million = 1\neffective = 2026-01-01",
            "hearken.toml:5:1: unknown key `billing.prices.effective`; \
             the nearest known key is `billing.prices.effective_from`",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(errors(text, &[]), message);
    }
    assert_eq!(
        errors("", &[("HEARKEN_HTTP__LISEN", "x")]),
        "HEARKEN_HTTP__LISEN: unknown key `HEARKEN_HTTP__LISEN`; the nearest known key is `HEARKEN_HTTP__LISTEN`"
    );
    assert!(errors("", &[("HEARKEN_INDEX__OPENSEARCH", "x")]).contains("is a section, not a key"));
}

#[test]
fn wrong_values_are_refused_with_the_key_the_value_and_what_to_write() {
    let cases = [
        ("ingest", "idle_timeout", "'soon'", "`soon`, which is not a length of time"),
        ("ingest", "idle_timeout", "30", "`30`, which is not a length of time"),
        ("ingest", "refresh_interval", "'0s'", "which is not between 1ms and 1m"),
        ("ingest", "flush_interval", "'2ms'", "shorter than `ingest.refresh_interval`"),
        ("ingest", "flush_interval", "'0s'", "which is not between 1ms and 10m"),
        ("ingest", "live_mebibytes", "8", "which is not a whole number from 32 to 65536"),
        ("ingest", "refresh_interval", "'2s'", "shorter than `ingest.refresh_interval`"),
        ("index", "engine", "'lucene'", "\"tantivy\", \"opensearch\""),
        ("index", "path", "''", "`index.path` is empty"),
        ("index", "path", "true", "`index.path` is a boolean, a text is wanted"),
        ("http", "listen", "'8080'", "`8080`, which is not an address to listen on"),
        ("http", "listen", "'example.org:80'", "which is not an address to listen on"),
        ("privacy", "ip", "'hash'", "\"keep\", \"truncate\", \"drop\""),
        ("log", "level", "'loud'", "which is not a log level"),
        ("log", "level", "'info,=debug'", "which is not a log level"),
        ("billing", "currency", "'dollar'", "which is not an ISO 4217 code"),
        ("billing", "free_welcome", "'yes'", "true or false is wanted"),
        ("billing", "price_per_minute", "'-1'", "which is not an amount of money"),
        ("billing", "price_per_minute", "'nan'", "which is not an amount of money"),
        ("billing", "prices", "{ model = 'm' }", "is not a list of tables"),
        ("billing", "prices", "[1]", "has an entry that is not a table"),
        ("billing", "prices", "[{}]", "has no `model`"),
        ("geoip", "database", "[]", "names no file"),
        ("geoip", "database", "1", "a list of texts is wanted"),
        ("analysis", "engine", "'openai'", "`analysis.openai.model` is missing"),
        ("analysis", "engine", "'openai'", "there is no `[kafka]`, where its answers are kept"),
        ("analysis.openai", "concurrency", "0", "a whole number from 1 to 256"),
        ("analysis.openai", "url", "'ftp://x'", "is not a web address"),
        ("analysis.openai", "api_key_env", "'NOT_SET'", "names an environment variable that is not set"),
        ("kafka", "bootstrap_servers", "'k:port'", "`k:port`, which is not a broker's address"),
        ("kafka", "bootstrap_servers", "['a b']", "which is not a broker's address"),
        ("kafka", "librdkafka", "'x'", "is not a table"),
        ("kafka", "topics", "['a', 'a']", "names `a` twice"),
        ("kafka", "topics", "['a/b']", "which is not a topic's name"),
        ("kafka", "topics", "[]", "names no topic"),
        ("kafka", "topics", "['interactions.dlq']", "which `kafka.topics` reads too"),
        ("kafka", "group_id", "[1]", "a text is wanted"),
    ];
    for (section, key, value, message) in cases {
        let said = errors(&format!("[{section}]\n{key} = {value}"), &[]);
        assert!(said.contains(message), "{section}.{key} = {value}: {said}");
        assert!(said.starts_with("hearken.toml:"), "{said}");
    }
}

#[test]
fn an_empty_variable_is_an_error_and_not_the_default() {
    let said = errors("", &[("HEARKEN_PRIVACY__IP", "")]);
    assert_eq!(said, "HEARKEN_PRIVACY__IP: `privacy.ip` is empty; give it a value, or unset the variable");
}

#[test]
fn two_variables_for_one_key_are_an_error() {
    let said = errors("", &[("HEARKEN_LOG__LEVEL", "info"), ("HEARKEN_log__level", "warn")]);
    assert!(said.contains("sets the same key as `HEARKEN_LOG__LEVEL`"), "{said}");
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_file() {
    let said = errors("[log]\nformat = 'xml'\n[http]\nlisten = 'x'\nport = 1", &[("HEARKEN_A__B", "1")]);
    let places: Vec<_> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["hearken.toml:2:10", "hearken.toml:4:10", "hearken.toml:5:1", "HEARKEN_A__B"]);
}

#[test]
fn what_is_not_toml_is_refused_with_every_place() {
    let said = errors("[http]\nlisten = = 1\n[log\nlevel = 'info'", &[]);
    assert!(said.contains("hearken.toml:2:"), "{said}");
    assert!(said.contains("hearken.toml:3:"), "{said}");
}

#[test]
fn a_cluster_needs_kafka_for_every_event_and_complete_settings() {
    let cluster = "[kafka]\nbootstrap_servers = 'k:1'\n[index]\nengine = 'opensearch'\n[index.opensearch]\n\
                   urls = ['https://a:1', 'http://b:9200']\nusername = 'ada'\npassword_file = 'p'\nshards = 6\n\
                   refresh_interval = '200ms'\n[http]\ningest = 'kafka'";
    let IndexEngine::OpenSearch(settings) = ok(cluster, &[]).index.engine else { panic!("another engine") };
    assert_eq!(settings.urls.len(), 2);
    assert_eq!((settings.index_prefix.as_str(), settings.shards, settings.replicas), ("hearken", 6, 1));
    assert_eq!(settings.refresh_interval, Duration::from_millis(200));
    let password = OpenSearchCredentials::Password { username: "ada".to_owned(), password_file: "p".into() };
    assert_eq!(settings.credentials, Some(password));

    let alone = "[index]\nengine = 'opensearch'\n[index.opensearch]\nurls = 'https://a:1'\nindex_prefix = 'all,*'\n\
                 api_key_file = 'k'\nusername = 'ada'";
    let said = errors(alone, &[]);
    for told in [
        "there is no [kafka]",
        "`http.ingest` is not \"kafka\"",
        "has an `api_key_file` and a user",
        "`all,*`, which is not what the name of an index may begin with",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(errors("[index]\nengine = 'opensearch'", &[]).contains("`index.opensearch.urls` is missing"));
}

#[test]
fn what_is_redacted_is_named_by_kind_and_keeps_payloads_out_of_dead_letters() {
    let privacy = |text: &str| ok(&format!("[privacy]\n{text}"), &[]).privacy;
    let redacting = privacy("redact = ['email', 'card', 'email']");
    assert_eq!(redacting.redact, [PersonalData::Email, PersonalData::Card]);
    assert!(redacting.withholds_payloads());
    assert!(privacy("redact = ['email']\ndead_letter_payload = true").withholds_payloads());
    assert!(privacy("ip = 'truncate'").withholds_payloads());
    assert!(privacy("dead_letter_payload = false").withholds_payloads());
    assert!(!privacy("").withholds_payloads());

    let said = errors("[privacy]\nredact = ['emails']", &[]);
    assert!(
        said.contains("hearken.toml:2:") && said.contains("`emails`") && said.contains("\"iban\""),
        "{said}"
    );
}

#[test]
fn addresses_other_machines_can_reach_need_keys() {
    let refusal = |listen: &str| ok("", &[("HEARKEN_HTTP__LISTEN", listen)]).http.refuse_exposure().err();
    for loopback in ["127.0.0.1:1", "127.8.8.8:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "localhost:1"] {
        assert_eq!(refusal(loopback), None, "{loopback}");
    }
    for reachable in ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "[::ffff:192.0.2.1]:1"] {
        let said = refusal(reachable).expect(reachable).to_string();
        assert!(said.contains("`hearken keys create`"), "{said}");
    }
    let mut with_keys = ok("", &[("HEARKEN_HTTP__LISTEN", "0.0.0.0:1")]).http;
    with_keys.keys_file = Some("keys".into());
    assert_eq!(with_keys.refuse_exposure(), Ok(()));
}

#[test]
fn prices_are_exact_decimals_however_they_are_written() {
    let text = "[[billing.prices]]\nmodel = 'a'\ninput_per_million = 0.1\noutput_per_million = '1e-7'\n\
                effective_from = 2026-05-01\n[[billing.prices]]\nmodel = 'a'\ninput_per_million = 3\n\
                output_per_million = '0.30'\neffective_from = '2026-06-01'\ncached_input_per_million = '0'";
    let prices = ok(text, &[]).billing.prices;
    let shown: Vec<_> = prices
        .iter()
        .map(|p| {
            let cached = p.price.cached_input_per_million.map(|c| c.to_string());
            (
                p.price.input_per_million.to_string(),
                cached,
                p.price.output_per_million.to_string(),
                p.effective_from.unwrap().to_string(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("0.1".into(), None, "0.0000001".into(), "2026-05-01".into()),
            ("3".into(), Some("0".into()), "0.3".into(), "2026-06-01".into()),
        ]
    );
    let variable = r#"[{ model = "m", input_per_million = "2.5", output_per_million = "10" }]"#;
    assert_eq!(ok("", &[("HEARKEN_BILLING__PRICES", variable)]).billing.prices[0].model, "m");
    let twice = text.replace("2026-06-01", "2026-05-01");
    assert!(errors(&twice, &[]).contains("two prices for `a` from the same day"));
    let config = ok("[billing]\nminute_rounding = 'nearest'\nprice_per_minute = 0.05", &[]);
    assert_eq!(config.billing.minute_rounding, MinuteRounding::Nearest);
    assert_eq!(config.billing.price_per_minute.unwrap().to_string(), "0.05");
}

#[test]
fn secrets_are_never_printed() {
    let secret = "hunter2";
    let text = "[kafka]\nbootstrap_servers = 'k:1'\n[kafka.librdkafka]\n'sasl.username' = 'ada'\n\
                'sasl.password' = 'hunter2'\n'ssl.key.password' = 'hunter2'\n'ssl.key.pem' = 'hunter2'\n\
                'sasl.oauthbearer.client.secret' = 'hunter2'\n'sasl.oauthbearer.config' = 'hunter2'\n\
                'sasl.jaas.config' = 'hunter2'";
    let shown = format!("{:?}", ok(text, &[]));
    assert!(!shown.contains(secret), "{shown}");
    assert!(shown.contains("ada") && shown.contains("[redacted]"), "{shown}");
    let wrong = [
        "[kafka]\nbootstrap_servers = 'k'\nlibrdkafka = { 'sasl.password' = ['hunter2'] }",
        "[kafka.librdkafka]\n'sasl.password' = 'hunter2",
        "[kafka.librdkafka]\n'sasl.password' = hunter2",
        "[analysis.openai]\nurl = 'https://ada:hunter2@example.org'",
        "[analysis.openai]\napi_key_env = 'hunter2'",
        "[index.opensearch]\nurls = 'https://ada:hunter2@example.org'",
    ];
    for text in wrong {
        let said = errors(text, &[]);
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
fn retention_has_a_default_and_rules_that_each_name_an_organization_or_an_agent() {
    let day = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let rules = "[index]\nretention = '90d'\n[[index.retention_rules]]\norganization = 'acme'\nretention = '30d'\n\
                 [[index.retention_rules]]\nagent = 'Ada'\nretention = '1d'";
    let index = ok(rules, &[]).index;
    assert_eq!(index.retention, Some(day(90)));
    let rule = |of, days| RetentionRule { of, retention: day(days) };
    let expected =
        [rule(RetentionOf::Organization("acme".into()), 30), rule(RetentionOf::Agent("Ada".into()), 1)];
    assert_eq!(index.retention_rules, expected);
    for (entry, said) in [
        ("retention = '30d'", "names not just one"),
        ("organization = 'a'\nagent = 'b'\nretention = '30d'", "names not just one"),
        ("organization = 'a'", "has no `retention`"),
        ("organization = 'a'\nretention = '1s'", "which is not between"),
        ("organisation = 'a'\nretention = '30d'", "unknown key `index.retention_rules.organisation`"),
    ] {
        let text = errors(&format!("[[index.retention_rules]]\n{entry}"), &[]);
        assert!(text.contains(said), "{text}");
    }
}
