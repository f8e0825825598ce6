//! Data sets as ZIPs that would fill a tab's memory, or hold other things beside pictures and labels.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::page::{Gpu, Page, SOON, scenario};
use super::strip::{open_shapes, scenes};
use super::teach::{add, teach};
use super::weights::is_sentence;

const DEFLATED: u16 = 8;

/// A compression that no browser knows.
const UNKNOWN: u16 = 99;

const GIB: u32 = 1 << 30;

#[test]
fn a_zip_that_unpacks_to_too_much_ends_in_a_sentence_and_other_files_in_it_are_left_alone() {
    scenario("ZIP bombs", Gpu::None, |page| {
        let home = tempfile::tempdir()?;
        let picture = std::fs::read(&scenes(home.path(), &["1.png"])?[0])?;
        open_shapes(page)?;
        teach(page)?;

        // The directory says how much it would be, or lies.
        let large = Entry { name: "large.png".into(), method: DEFLATED, unpacked: GIB, bytes: deflated(b"") };
        refuses(page, home.path(), "large.zip", &[large], "more than 1 GB")?;
        let liar = Entry { name: "liar.png".into(), method: DEFLATED, unpacked: 100, bytes: deflated(&[0; 60_000]) };
        refuses(page, home.path(), "liar.zip", &[liar], "liar.png in it is damaged")?;
        let text = Entry { name: "labels.json".into(), method: DEFLATED, unpacked: GIB / 4, bytes: deflated(b"{}") };
        refuses(page, home.path(), "text.zip", &[text], "labels.json in it is too large")?;
        let many: Vec<Entry> = (0..20_001).map(|index| Entry::stored(&format!("{index}.png"), b"")).collect();
        refuses(page, home.path(), "many.zip", &many, "more than 20,000 files")?;
        ensure!(page.eval("document.querySelector('#teach-shelf').hidden")? == true, "something was added");

        let film = Entry { name: "set/film.mp4".into(), method: UNKNOWN, unpacked: 3 * GIB, bytes: vec![0; 100] };
        let set = [film, Entry::stored("set/1.png", &picture), Entry::stored("set/1.txt", b"0 0.5 0.5 0.5 0.5\n")];
        let path = home.path().join("set.zip");
        std::fs::write(&path, zip(&set))?;
        add(page, &[path], 1)?;
        page.wait_for("document.querySelectorAll('#teach-boxes .box:not(.guess)').length === 1", SOON)
    });
}

/// The page says why it does not open such a ZIP.
fn refuses(page: &mut Page, folder: &Path, name: &str, entries: &[Entry], why: &str) -> Result<()> {
    let path = folder.join(name);
    std::fs::write(&path, zip(entries))?;
    page.choose("#teach-file", &path)?;
    page.wait_for(&format!("document.querySelector('#error').textContent.includes({})", json!(why)), SOON)
        .with_context(|| name.to_owned())?;
    let error = page.error()?;
    ensure!(is_sentence(&error) && error.contains(name), "not a sentence: {error}");
    Ok(())
}

/// A file in a ZIP, with what the ZIP says of it.
struct Entry {
    name: String,
    method: u16,
    unpacked: u32,
    bytes: Vec<u8>,
}

impl Entry {
    fn stored(name: &str, bytes: &[u8]) -> Self {
        Self { name: name.into(), method: 0, unpacked: bytes.len() as u32, bytes: bytes.to_vec() }
    }
}

/// DEFLATE as one block without compression (RFC 1951, 3.2.4).
fn deflated(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u16;
    [&[1], &length.to_le_bytes()[..], &(!length).to_le_bytes()[..], bytes].concat()
}

/// A ZIP whose checksums are zero: the page reads none.
fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for Entry { name, method, unpacked, bytes } in entries {
        let offset = zip.len() as u32;
        let mut same = [&20u16.to_le_bytes()[..], &[0; 2], &method.to_le_bytes(), &[0; 8]].concat();
        same.extend([bytes.len() as u32, *unpacked].iter().flat_map(|size| size.to_le_bytes()));
        same.extend([name.len() as u16, 0].iter().flat_map(|size| size.to_le_bytes()));
        zip.extend([&0x0403_4b50u32.to_le_bytes()[..], &same, name.as_bytes(), bytes].concat());
        let more = [&[0; 10][..], &offset.to_le_bytes(), name.as_bytes()].concat();
        directory.extend([&0x0201_4b50u32.to_le_bytes()[..], &[20, 0], &same, &more].concat());
    }
    let count = (entries.len() as u16).to_le_bytes();
    let [length, start] = [directory.len() as u32, zip.len() as u32].map(u32::to_le_bytes);
    let end = [&0x0605_4b50u32.to_le_bytes()[..], &[0; 4], &count, &count, &length, &start, &[0; 2]].concat();
    [zip, directory, end].concat()
}
