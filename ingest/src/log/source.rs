//! The thread that reads the log for the pipeline, from the index's checkpoint onwards.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;

use hearken_index::checkpoint::Checkpoint;
use tracing::error;

use super::segment::{Segment, SegmentReader};
use super::{LocalLog, PARTITION, Shared, TOPIC, topic_partition};
use crate::queue::{Closed, QueueSender};
use crate::source::{SourceCommand, SourceItem, TopicPartition};

/// A running reader of the log.
pub(crate) struct LogSource {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl LogSource {
    /// Starts reading from `checkpoint` into `items`. Only one source of a log may run at a time.
    ///
    /// # Errors
    /// The system refuses to start a thread.
    pub(crate) fn start(
        log: &LocalLog,
        checkpoint: &Checkpoint,
        items: QueueSender<SourceItem>,
    ) -> std::io::Result<Self> {
        let shared = Arc::clone(&log.shared);
        let position = checkpoint.position(TOPIC, PARTITION).map(|position| position.next_offset);
        let mut state = shared.lock();
        state.commands.clear();
        state.is_source_stopping = false;
        let end_offset = state.durable_end();
        let oldest = state.segments.front().map_or(end_offset, |oldest| oldest.first);
        drop(state);
        let next_offset = position.unwrap_or(oldest);
        let reading =
            LogReader { shared: Arc::clone(&shared), items, next_offset, reader: None, is_paused: false };
        let read = move || {
            // The queue is closed only when nobody wants the records any more.
            let _ = reading.run(end_offset);
        };
        let thread = std::thread::Builder::new().name("log-source".into()).spawn(read)?;
        Ok(LogSource { shared, thread: Some(thread) })
    }

    /// Handles a command from the pipeline.
    pub(crate) fn handle(&self, command: &SourceCommand) {
        let mut state = self.shared.lock();
        match command {
            SourceCommand::Commit(checkpoint) => {
                if let Some(position) = checkpoint.position(TOPIC, PARTITION) {
                    state.released = state.released.max(position.next_offset);
                    drop(state);
                    self.shared.to_write.notify_one();
                }
            }
            SourceCommand::Halt(partition) | SourceCommand::Restart(partition, _) => {
                if *partition == topic_partition() {
                    state.commands.push_back(command.clone());
                    drop(state);
                    self.shared.to_read.notify_all();
                }
            }
            SourceCommand::GiveUp(_) => {} // the log has no other reader
        }
    }

    /// The end of the log, if it ever held anything.
    pub(crate) fn end_offset(&self) -> Option<(TopicPartition, i64)> {
        let end = self.shared.lock().durable_end();
        (end > 0).then(|| (topic_partition(), end))
    }
}

impl Drop for LogSource {
    fn drop(&mut self) {
        self.shared.lock().is_source_stopping = true;
        self.shared.to_read.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the thread that reads the local log panicked");
        }
    }
}

struct LogReader {
    shared: Arc<Shared>,
    items: QueueSender<SourceItem>,
    next_offset: i64,
    reader: Option<SegmentReader>,
    /// Nothing is read until the pipeline, or an operator, says where to resume.
    is_paused: bool,
}

enum Wake {
    Stop,
    Command(SourceCommand),
    /// This segment has durable records.
    Readable(Segment),
    /// The next record is gone; this is the oldest one left.
    Missing(i64),
}

impl LogReader {
    fn run(mut self, end_offset: i64) -> Result<(), Closed> {
        let next_offset = self.next_offset;
        self.send(SourceItem::Assigned { partition: topic_partition(), next_offset, end_offset })?;
        self.send(SourceItem::AllAssigned)?;
        loop {
            match self.wake() {
                Wake::Stop => return Ok(()),
                Wake::Command(SourceCommand::Halt(partition)) => {
                    self.is_paused = true;
                    self.send(SourceItem::Halted(partition))?;
                }
                Wake::Command(SourceCommand::Restart(_, next_offset)) => {
                    (self.is_paused, self.next_offset, self.reader) = (false, next_offset, None);
                }
                Wake::Command(SourceCommand::Commit(_) | SourceCommand::GiveUp(_)) => {}
                Wake::Readable(segment) => self.read(&segment)?,
                Wake::Missing(oldest) => {
                    let reason = format!(
                        "the index must resume at offset {} and the oldest record of the local log is {oldest}: the log or \
                         the index was replaced; stop the server and run `hearken index reset-offset --topic {TOPIC} \
                         --partition {PARTITION} --to earliest` to continue without what is missing",
                        self.next_offset
                    );
                    self.stop(reason)?;
                }
            }
        }
    }

    fn wake(&self) -> Wake {
        let mut state = self.shared.lock();
        loop {
            if state.is_source_stopping {
                return Wake::Stop;
            }
            if let Some(command) = state.commands.pop_front() {
                return Wake::Command(command);
            }
            let next = state.segments.iter().find(|segment| segment.end > self.next_offset);
            match next {
                _ if self.is_paused => {}
                Some(segment) if segment.first <= self.next_offset => return Wake::Readable(segment.clone()),
                Some(segment) => return Wake::Missing(segment.first),
                None => {}
            }
            state = self.shared.to_read.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Hands on the durable records of this segment.
    fn read(&mut self, segment: &Segment) -> Result<(), Closed> {
        if !self.reader.as_ref().is_some_and(|reader| reader.is_at(segment, self.next_offset)) {
            match SegmentReader::open(segment, self.next_offset) {
                Ok(reader) => self.reader = Some(reader),
                Err(error) => return self.stop(error.to_string()),
            }
        }
        while self.next_offset < segment.end {
            let Some(reader) = &mut self.reader else { break };
            match reader.next() {
                Ok(record) => {
                    self.next_offset += 1;
                    let size_bytes = record.size_bytes();
                    self.items.push(SourceItem::Record(record), size_bytes)?;
                }
                Err(error) => return self.stop(error.to_string()),
            }
        }
        Ok(())
    }

    /// Stops for good, loudly.
    fn stop(&mut self, reason: String) -> Result<(), Closed> {
        error!(topic = TOPIC, partition = PARTITION, reason, "stopped the partition");
        (self.is_paused, self.reader) = (true, None);
        self.send(SourceItem::Stopped { partition: topic_partition(), reason })
    }

    fn send(&self, item: SourceItem) -> Result<(), Closed> {
        self.items.push(item, 0)
    }
}
