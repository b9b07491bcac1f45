//! Apache Kafka: one broker in KRaft mode.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
    TopicResult,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{TestDir, cache, free_port, java};
use crate::outcome::Unavailable;
use crate::process::{Process, Server};

/// The broker under test; the Scala suffix is the only one that is published.
const ARTIFACT: (&str, &str) = ("kafka_2.13", "4.1.0");
/// Any 16 bytes in base64 name a cluster.
const CLUSTER_ID: &str = "SGVhcmtlblRlc3RzS2Fma2";
/// The broker's key and certificate, which signs itself, and the certificate alone.
const KEY_STORE: &str = "broker.p12";
const CERTIFICATE: &str = "broker.pem";
const KEY_STORE_PASSWORD: &str = "only for this test";
const START_PATIENCE: Duration = Duration::from_secs(90);

/// A running Apache Kafka, or a stopped one that [`Kafka::restart`] brings back with its data and port.
#[derive(Debug)]
pub struct Kafka {
    server: Server, // before the directory, so that the broker is gone before its files are
    dir: TestDir,
    jars: PathBuf,
    port: u16,
    secured_port: Option<u16>,
}

impl Kafka {
    /// Starts a broker without topics and waits until it answers.
    pub fn start() -> Result<Kafka, Unavailable> {
        start(None).map_err(unavailable)
    }

    /// [`Kafka::start`] with a second listener that wants TLS and SCRAM-SHA-512 of this user.
    pub fn start_secured(user: &str, password: &str) -> Result<Kafka, Unavailable> {
        start(Some((user, password))).map_err(unavailable)
    }

    /// What clients connect to, `127.0.0.1:PORT`.
    pub fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The listener with TLS and SCRAM, and the file with the certificate that signs it.
    pub fn secured(&self) -> Option<(String, PathBuf)> {
        let port = self.secured_port?;
        Some((format!("127.0.0.1:{port}"), self.dir.path().join(CERTIFICATE)))
    }

    /// Creates a topic that must not exist yet.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        self.administer(|admin, options| block_on(admin.create_topics([&topic], options)))
    }

    /// Sets one entry of a topic's configuration; all others go back to their defaults.
    pub fn configure_topic(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = client(&self.bootstrap_servers()).create()?;
        let change = AlterConfig::new(ResourceSpecifier::Topic(name)).set(key, value);
        for outcome in block_on(admin.alter_configs([&change], &admin_options()))?? {
            if let Err((_, code)) = outcome {
                bail!("the broker refuses `{key} = {value}` for the topic `{name}`: {code}");
            }
        }
        Ok(())
    }

    /// Gives a topic more partitions, so that it has `partitions` altogether.
    pub fn add_partitions(&self, name: &str, partitions: usize) -> Result<()> {
        let partitions = NewPartitions::new(name, partitions);
        self.administer(|admin, options| block_on(admin.create_partitions([&partitions], options)))
    }

    /// Deletes a topic with all its records.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        self.administer(|admin, options| block_on(admin.delete_topics(&[name], options)))
    }

    /// Deletes a partition's records before `offset`, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = client(&self.bootstrap_servers()).create()?;
        let mut before = TopicPartitionList::new();
        before.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        let deleted = block_on(admin.delete_records(&before, &admin_options()))??;
        deleted.elements().first().context("no answer for the partition")?.error()?;
        Ok(())
    }

    fn administer(
        &self,
        ask: impl FnOnce(
            &AdminClient<DefaultClientContext>,
            &AdminOptions,
        ) -> Result<KafkaResult<Vec<TopicResult>>>,
    ) -> Result<()> {
        let admin = client(&self.bootstrap_servers()).create()?;
        for outcome in ask(&admin, &admin_options())?? {
            if let Err((topic, code)) = outcome {
                bail!("the broker refuses to change the topic `{topic}`: {code}");
            }
        }
        Ok(())
    }

    /// Its process, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.server.process().map(Process::id)
    }

    /// Stops the broker in good order; its data stays.
    pub fn stop(&mut self) -> Result<()> {
        self.server.stop()
    }

    /// Kills the broker as a power cut would; its data stays.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Brings a stopped or killed broker back on the same port with the same data.
    pub fn restart(&mut self) -> Result<()> {
        let dir = self.dir.path();
        let mut command = kafka_tool(&self.jars, "kafka.Kafka")?;
        command.arg(dir.join("server.properties")).current_dir(&dir);
        let servers = self.bootstrap_servers();
        let log = dir.join("kafka.log");
        self.server.run(("Apache Kafka", &mut command), &log, START_PATIENCE, || {
            let consumer: BaseConsumer = client(&servers).create()?;
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(1))?;
            if metadata.brokers().is_empty() { bail!("no broker is registered") } else { Ok(()) }
        })
    }
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)))
}

fn block_on<F: Future>(future: F) -> Result<F::Output> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(future))
}

/// A client's configuration; errors while the broker is not up yet are expected, so nothing is logged.
fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("log_level", "0");
    config
}

fn unavailable(why: anyhow::Error) -> Unavailable {
    let remedy = "it needs `apt-get install openjdk-17-jdk-headless maven` and Maven Central";
    Unavailable::new("real Kafka", why, remedy)
}

fn start(scram: Option<(&str, &str)>) -> Result<Kafka> {
    let jars = jars()?;
    let dir = TestDir::new("hearken-kafka-")?;
    let (port, controller_port) = (free_port()?, free_port()?);
    let secured_port = scram.map(|_| free_port()).transpose()?;
    let mut config = server_properties(&dir.path(), (port, secured_port), controller_port);
    let config_path = dir.path().join("server.properties");
    let mut format = kafka_tool(&jars, "kafka.tools.StorageTool")?;
    format.args(["format", "-t", CLUSTER_ID, "-c"]).arg(&config_path);
    if let Some((user, password)) = scram {
        make_certificate(&dir.path())?;
        config += &secured_properties(&dir.path());
        format.arg("--add-scram").arg(format!("SCRAM-SHA-512=[name={user},password={password}]"));
    }
    fs::write(&config_path, config)?;
    run_tool("the storage cannot be formatted", &mut format)?;
    let mut kafka = Kafka { server: Server::default(), dir, jars, port, secured_port };
    kafka.restart()?;
    Ok(kafka)
}

fn run_tool(failure: &str, command: &mut Command) -> Result<()> {
    let output = command.output().context("cannot run it")?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{failure}: {}", String::from_utf8_lossy(&said));
    }
    Ok(())
}

/// A key and a certificate for the loopback address, made by the JDK's own tool.
fn make_certificate(dir: &Path) -> Result<()> {
    let keytool = || {
        let mut keytool = Command::new("keytool");
        keytool.current_dir(dir).arg("-keystore").arg(KEY_STORE).args(["-storepass", KEY_STORE_PASSWORD]);
        keytool.args(["-storetype", "PKCS12", "-alias", "broker"]);
        keytool
    };
    let names = ["-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1,dns:localhost", "-validity", "2"];
    run_tool("no key", keytool().args(["-genkeypair", "-keyalg", "EC", "-ext", "bc=ca:true"]).args(names))?;
    run_tool("no certificate", keytool().args(["-exportcert", "-rfc", "-file", CERTIFICATE]))
}

fn secured_properties(dir: &Path) -> String {
    format!(
        "sasl.enabled.mechanisms=SCRAM-SHA-512\n\
         listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         ssl.keystore.location={}\nssl.keystore.type=PKCS12\nssl.keystore.password={KEY_STORE_PASSWORD}\n",
        dir.join(KEY_STORE).display()
    )
}

fn jars() -> Result<PathBuf> {
    let (artifact, version) = ARTIFACT;
    cache::fetched_once(&cache::engines_dir()?, &format!("kafka-{version}"), |dir| {
        let dependency = format!(
            "<dependency><groupId>org.apache.kafka</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>"
        );
        let output = format!("-DoutputDirectory={}", dir.join("lib").display());
        cache::maven(dir, &dependency, "copy-dependencies", &["-DincludeScope=runtime".into(), output])
    })
}

fn kafka_tool(jars: &Path, class: &str) -> Result<Command> {
    let mut command = Command::new(java::java(17).context("Kafka 4 needs Java 17")?);
    // A small heap and the serial collector: several brokers may run beside a build on two cores.
    command.args(["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
    command.arg(jars.join("lib/*")).arg(class);
    Ok(command)
}

fn server_properties(dir: &Path, (port, secured_port): (u16, Option<u16>), controller_port: u16) -> String {
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{port}");
    if let Some(port) = secured_port {
        listeners += &format!(",SASL_SSL://127.0.0.1:{port}");
    }
    let lines = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", "1".to_owned()),
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller_port}")),
        ("listeners", format!("{listeners},CONTROLLER://127.0.0.1:{controller_port}")),
        ("advertised.listeners", listeners),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL".to_owned(),
        ),
        ("log.dirs", dir.join("data").display().to_string()),
        ("offsets.topic.replication.factor", "1".to_owned()),
        ("offsets.topic.num.partitions", "1".to_owned()),
        ("transaction.state.log.replication.factor", "1".to_owned()),
        ("transaction.state.log.min.isr", "1".to_owned()),
        ("share.coordinator.state.topic.replication.factor", "1".to_owned()),
        ("share.coordinator.state.topic.min.isr", "1".to_owned()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
        // A misspelt topic must fail a test, not appear.
        ("auto.create.topics.enable", "false".to_owned()),
        // The test data carries timestamps of the past, which retention by time would delete under the test.
        ("log.retention.ms", "-1".to_owned()),
    ];
    lines.into_iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}
