//! Apache Kafka: one broker in KRaft mode.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication, TopicResult};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{TestDir, cache, free_port, java};
use crate::outcome::Unavailable;
use crate::process::Process;

/// The broker under test; the Scala suffix is the only one that is published.
const ARTIFACT: (&str, &str) = ("kafka_2.13", "4.1.0");
/// Any 16 bytes in base64 name a cluster.
const CLUSTER_ID: &str = "SGVhcmtlblRlc3RzS2Fma2";
const START_PATIENCE: Duration = Duration::from_secs(90);
const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A running Apache Kafka, or a stopped one that [`Kafka::restart`] brings back with its data and port.
#[derive(Debug)]
pub struct Kafka {
    // Before the directory, so that the broker is gone before its files are.
    process: Option<Process>,
    dir: TestDir,
    jars: PathBuf,
    port: u16,
}

impl Kafka {
    /// Starts a broker without topics and waits until it answers.
    pub fn start() -> Result<Kafka, Unavailable> {
        Kafka::start_with(&[])
    }

    /// [`Kafka::start`] with more lines for `server.properties`, for instance listeners with TLS.
    pub fn start_with(properties: &[(&str, &str)]) -> Result<Kafka, Unavailable> {
        start(properties).map_err(|why| {
            Unavailable::new(
                "real Kafka",
                why,
                "it needs `apt-get install openjdk-17-jdk-headless maven` and Maven Central",
            )
        })
    }

    /// What clients connect to, `127.0.0.1:PORT`.
    pub fn bootstrap_servers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Creates a topic that must not exist yet.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        self.administer(|admin, options| block_on(admin.create_topics([&topic], options)))
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

    /// Stops the broker in good order; its data stays.
    pub fn stop(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.terminate(STOP_PATIENCE)?;
        }
        Ok(())
    }

    /// Kills the broker as a power cut would; its data stays.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Brings a stopped or killed broker back on the same port with the same data.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.run()
    }

    fn run(&mut self) -> Result<()> {
        let dir = self.dir.path();
        let mut command = kafka_tool(&self.jars, "kafka.Kafka")?;
        command.arg(dir.join("server.properties")).current_dir(&dir);
        let mut process = Process::spawn("Apache Kafka", &mut command, &dir.join("kafka.log"))?;
        let servers = self.bootstrap_servers();
        process.wait_ready(START_PATIENCE, || {
            let consumer: BaseConsumer = client(&servers).create()?;
            let metadata = consumer.fetch_metadata(None, Duration::from_secs(1))?;
            if metadata.brokers().is_empty() { bail!("no broker is registered") } else { Ok(()) }
        })?;
        self.process = Some(process);
        Ok(())
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

fn start(properties: &[(&str, &str)]) -> Result<Kafka> {
    let jars = jars()?;
    let dir = TestDir::new("hearken-kafka-")?;
    let (port, controller_port) = (free_port()?, free_port()?);
    let config = server_properties(&dir.path(), port, controller_port, properties);
    let config_path = dir.path().join("server.properties");
    fs::write(&config_path, config)?;

    let mut format = kafka_tool(&jars, "kafka.tools.StorageTool")?;
    let formatted = format.args(["format", "-t", CLUSTER_ID, "-c"]).arg(&config_path).output()?;
    if !formatted.status.success() {
        bail!("the storage cannot be formatted: {}", String::from_utf8_lossy(&formatted.stderr));
    }
    let mut kafka = Kafka { process: None, dir, jars, port };
    kafka.run()?;
    Ok(kafka)
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

fn server_properties(dir: &Path, port: u16, controller_port: u16, more: &[(&str, &str)]) -> String {
    let mut lines = vec![
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", "1".to_owned()),
        ("controller.quorum.voters", format!("1@127.0.0.1:{controller_port}")),
        ("listeners", format!("PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}")),
        ("advertised.listeners", format!("PLAINTEXT://127.0.0.1:{port}")),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        ("listener.security.protocol.map", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned()),
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
    lines.retain(|(key, _)| !more.iter().any(|(other, _)| other == key));
    lines.extend(more.iter().map(|(key, value)| (*key, (*value).to_owned())));
    lines.into_iter().map(|(key, value)| format!("{key}={value}\n")).collect()
}
