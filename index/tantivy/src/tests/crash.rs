//! Whatever moment the process dies at, or the machine: what is found is one whole commit and its checkpoint.

use proptest::prelude::*;

use super::super::WriterOptions;
use super::super::directory::simulated::{Crash, SimulatedDisk};
use super::{Step, contents, model_of, offset_of, open, options, play, small_story};

/// Opens what a crash left and compares it with the story up to its checkpoint.
pub(super) fn assert_whole(disk: &SimulatedDisk, story: &[Step], durable: usize, hint: &str) -> usize {
    let (writer, reader) = open(disk, options()).unwrap_or_else(|e| panic!("{hint}: {e}"));
    let found = offset_of(&writer.checkpoint());
    assert!(found >= durable, "{hint}: durable up to {durable}, found up to {found}");
    assert_eq!(contents(&reader), model_of(story, found), "{hint}: at {found}");
    found
}

#[test]
fn power_lost_after_any_file_operation_leaves_a_whole_commit() {
    let story = small_story();
    let num_operations = {
        let disk = SimulatedDisk::new();
        let (mut writer, _) = open(&disk, options()).unwrap();
        play(&mut writer, &story, 0, 0).unwrap();
        disk.num_operations()
    };
    assert!(num_operations > 100, "{num_operations}");
    for after in 0..num_operations {
        let disk = SimulatedDisk::new();
        disk.power_off_after(after);
        if let Ok((mut writer, _)) = open(&disk, options()) {
            // Ends when nothing goes on any more; steps after the power went off do not count.
            let _ = play(&mut writer, &story, 0, 3);
        }
        for crash in [Crash::Lost, Crash::Torn(after as u64)] {
            let hint = format!("after operation {after}, {crash:?}");
            let disk = disk.crash(crash);
            let found = assert_whole(&disk, &story, 0, &hint);
            // And what was begun can be finished.
            let (mut writer, reader) = open(&disk, options()).unwrap();
            play(&mut writer, &story, found, 0).unwrap();
            assert_eq!(contents(&reader), model_of(&story, story.len()), "{hint}");
        }
        // Killed there, and the power lost before the next process did anything but open the index.
        let hint = format!("killed after operation {after}");
        let disk = disk.kill();
        drop(open(&disk, options()).unwrap_or_else(|e| panic!("{hint}: {e}")));
        assert_whole(&disk.crash(Crash::Lost), &story, 0, &hint);
    }
}

/// Flushes run on their thread, merges on theirs, and all the while the machine might stop.
#[test]
fn power_lost_at_any_time_during_flushes_leaves_a_whole_commit() {
    let disk = SimulatedDisk::new();
    let flush_interval = std::time::Duration::from_micros(1);
    let (mut writer, _) = open(&disk, WriterOptions { flush_interval, ..options() }).unwrap();
    let monitor = writer.monitor();
    let mut story = Vec::new();
    let mut crashed = Vec::new();
    for n in 0_u32.. {
        if n >= 120 && monitor.stats().num_merges > 0 {
            break;
        }
        story.extend([Step::Put((n % 250) as u8, n * 3), Step::Refresh]);
        super::put(&mut writer, &super::id_of((n % 250) as u8), u64::from(n * 3));
        writer.refresh(&super::checkpoint(story.len())).unwrap();
        if n % 8 == 0 {
            writer.flush_now().unwrap(); // a refresh is so much quicker that few flushes would go with many
        }
        let durable = offset_of(&monitor.durable().checkpoint);
        let crash = if n.is_multiple_of(2) { Crash::Lost } else { Crash::Torn(n.into()) };
        crashed.push((durable, disk.crash(crash)));
    }
    for (durable, disk) in crashed {
        assert_whole(&disk, &story, durable, "beside flushes");
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..12, 0u32..400).prop_map(|(id, value)| Step::Put(id, value)),
        2 => (0u8..12).prop_map(Step::Delete),
        4 => Just(Step::Refresh),
        2 => Just(Step::Flush),
        1 => Just(Step::MergeAll),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Several lives of one story, each with failures of the disk and ended by a crash at a random operation.
    #[test]
    fn any_story_with_any_crashes_ends_as_if_undisturbed(
        story in proptest::collection::vec(any_step(), 1..60),
        crashes in proptest::collection::vec((0usize..120, 0usize..60, any::<u64>()), 0..5),
    ) {
        let mut disk = SimulatedDisk::new();
        let mut found = 0;
        for (after, fails_after, seed) in crashes {
            disk.power_off_after(after);
            disk.fail_after(fails_after, seed as usize % 3, std::io::ErrorKind::Other);
            let mut durable = found;
            if let Ok((mut writer, _)) = open(&disk, options()) {
                durable = play(&mut writer, &story, found, 6).unwrap_or(found);
            }
            disk = match seed % 4 {
                0 => disk.crash(Crash::Lost),
                1 => disk.kill(),
                _ => disk.crash(Crash::Torn(seed)),
            };
            found = assert_whole(&disk, &story, durable, "in between");
        }
        let (mut writer, reader) = open(&disk, options()).unwrap();
        play(&mut writer, &story, found, 0).unwrap();
        writer.refresh(&super::checkpoint(story.len())).unwrap();
        prop_assert_eq!(contents(&reader), model_of(&story, story.len()));
        writer.flush_now().unwrap();
        drop(writer);
        assert_whole(&disk.crash(Crash::Lost), &story, story.len(), "at the end");
    }
}
