//! Damaged files are found, named, and not served.

use std::fs;
use std::path::Path;

use super::super::{Damage, EngineError, FileFault, Index, IndexReader, IndexWriter, WriterOptions, check};
use super::{options, play};

fn open(path: &Path, options: WriterOptions) -> Result<(IndexWriter, IndexReader), EngineError> {
    Index::open(path, |default| *default = options)
}

/// An index with two segments, one of them with a deletion: files of every kind.
fn index(path: &Path) {
    use super::Step::{Flush, Put, Refresh};
    let story = [Put(1, 10), Put(2, 250), Put(3, 99), Refresh, Flush, Put(1, 11), Refresh, Flush];
    let (mut writer, _) = open(path, options()).unwrap();
    assert_eq!(play(&mut writer, &story, 0, 0).unwrap(), 7);
}

fn files(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    names.sort();
    names
}

fn damage_at_open(path: &Path) -> Vec<Damage> {
    match open(path, options()) {
        Err(EngineError::Damaged { damage, .. }) => damage,
        Err(e) => panic!("another error: {e}"),
        Ok(_) => panic!("opened"),
    }
}

#[test]
fn a_flipped_bit_in_any_file_is_found_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    index(path);
    assert_eq!(check(path).unwrap().damage, []);
    let names = files(path);
    assert!(names.iter().any(|name| name.ends_with(".del")), "{names:?}");
    for name in names {
        let good = fs::read(path.join(&name)).unwrap();
        let num_bits = good.len() * 8;
        for bit in [0, num_bits / 3, num_bits / 2, num_bits - 300, num_bits - 1] {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            fs::write(path.join(&name), bad).unwrap();
            let damage = damage_at_open(path);
            assert_eq!(damage.iter().map(|d| &d.file).collect::<Vec<_>>(), [&name], "bit {bit}");
            assert_eq!(check(path).unwrap().damage, damage);
        }
        fs::write(path.join(&name), good).unwrap();
    }
    open(path, options()).unwrap();
}

#[test]
fn a_missing_or_cut_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    index(path);
    for name in files(path) {
        let file = path.join(&name);
        let good = fs::read(&file).unwrap();
        fs::write(&file, &good[..good.len() - 1]).unwrap();
        for verify_at_open in [true, false] {
            let opened = open(path, WriterOptions { verify_at_open, ..options() });
            assert!(opened.is_err_and(|e| e.to_string().contains(&name)));
        }
        fs::remove_file(&file).unwrap();
        if name == "meta.json" {
            let opened = open(path, options());
            assert!(matches!(opened, Err(EngineError::MetaMissing { .. })));
        } else {
            assert_eq!(damage_at_open(path), [Damage { file: name, fault: FileFault::Missing }]);
        }
        fs::write(&file, good).unwrap();
    }
    open(path, options()).unwrap();
}

#[test]
fn damage_is_found_while_the_index_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    index(path);
    let (writer, _) = open(path, options()).unwrap();
    assert_eq!(writer.monitor().check(), []);
    let name = files(path).into_iter().find(|name| name.ends_with(".store")).unwrap();
    let mut bytes = fs::read(path.join(&name)).unwrap();
    bytes[0] ^= 1;
    fs::write(path.join(&name), bytes).unwrap();
    assert_eq!(writer.monitor().check(), [Damage { file: name, fault: FileFault::Checksum }]);
}

#[test]
fn files_of_others_are_left_alone_and_strays_of_ours_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    index(path);
    let stray = "a5c4dfcbdfe645089129e308e26d5523.store";
    fs::write(path.join(stray), "erased text").unwrap();
    fs::write(path.join("notes.txt"), "mine").unwrap();
    open(path, options()).unwrap();
    let names = files(path);
    assert!(!names.iter().any(|name| name == stray));
    assert!(names.iter().any(|name| name == "notes.txt"));
}

#[test]
fn a_second_writer_is_refused_and_told_who_has_the_index() {
    let directory = tempfile::tempdir().unwrap();
    let (writer, _) = open(directory.path(), options()).unwrap();
    let refused = open(directory.path(), options()).err().unwrap();
    let EngineError::InUse { path, pid } = &refused else { panic!("{refused}") };
    assert_eq!((path.as_path(), *pid), (directory.path(), Some(std::process::id())));
    assert!(refused.to_string().contains(&std::process::id().to_string()));
    assert!(matches!(check(directory.path()), Err(EngineError::InUse { .. })));
    drop(writer);
    open(directory.path(), options()).unwrap();
}
